"""Use cases: verbs that take a session and values, and refuse with a sentence."""
