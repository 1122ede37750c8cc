"""Looks at pages."""

from bs4 import BeautifulSoup, Tag


def one(page: BeautifulSoup | Tag, selector: str) -> Tag:
    """Give the first element that a selector finds; there has to be one."""
    found = page.select_one(selector)
    assert found is not None, f"Nothing on the page is {selector}."
    return found


def words(element: Tag) -> str:
    """Give the text of an element, with single blanks."""
    return " ".join(element.get_text(" ").split())


def attribute(element: Tag, name: str) -> str:
    """Give an attribute of an element."""
    return str(element[name])
