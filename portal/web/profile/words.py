"""Sessions in words: the browser, and how somebody signed in."""

BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "a Mac"),
    ("Linux", "Linux"),
)  # fmt: skip
WAYS = {
    "password": "with a password",
    "code": "with password and code",
    "recovery": "with password and a recovery code",
    "company": "by the company’s sign-in",  # noqa: RUF001 - a typographic apostrophe
}


def browser(agent: str | None) -> str:
    """Name a browser and its system as people know them: Firefox on Windows."""
    text = agent or ""
    name = next((word for mark, word in BROWSERS if mark in text), "Another browser")
    system = next((word for mark, word in SYSTEMS if mark in text), "")
    return f"{name} on {system}" if system else name


def way(how: str | None) -> str:
    """Say how somebody signed in."""
    return WAYS.get(how or "", "")
