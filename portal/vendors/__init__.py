"""Usage connectors: they read and report in the vendor's own words."""
