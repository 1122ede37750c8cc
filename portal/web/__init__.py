"""Screens: parse, one use case inside a transaction, render."""
