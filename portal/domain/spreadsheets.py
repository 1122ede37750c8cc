"""Text that goes into a file which people open in a spreadsheet.

A cell that begins like a formula is calculated there, whoever typed it. An apostrophe before it says that it is text
(OWASP, "CSV injection"). Full-width signs are read as well, and blanks before a sign do not help.
"""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001 - read as well


def safe(text: str) -> str:
    """Keep a text from being read as a formula: an apostrophe before its first character says it is text."""
    return f"'{text}" if text.lstrip(" \ufeff").startswith(FORMULA) else text
