"""What can go wrong with a vendor's file."""


class Unreadable(Exception):
    """A file cannot be read as it was said to be. Its text is a sentence for the person who chose it."""


class BadProfile(ValueError):
    """A description of a file makes no sense. Its text is a sentence that names the field."""
