"""The store: records, column types, transactions. SQLite is embedded, PostgreSQL the same code."""
