"""A visitor: drives the app as a browser would, with or without htmx."""

from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from flask import Flask
from werkzeug.test import TestResponse

PASSWORD = "correct horse battery staple"


class Visitor:
    """Somebody who looks at pages and sends forms (each with the token that the page gave)."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()

    def get(self, path: str, *, swapping: str | None = None, **kwargs: Any) -> TestResponse:
        """Ask for a page, or for the part with this id."""
        return self.client.get(path, headers=self._headers(swapping, path), **kwargs)

    def post(
        self,
        path: str,
        data: dict[str, Any] | None = None,
        *,
        swapping: str | None = None,
        token: bool = True,
        **kwargs: Any,
    ) -> TestResponse:
        """Send a form, with the session's token unless told otherwise."""
        fields = dict(data or {})
        if token:
            fields.setdefault("csrf_token", self.token())
        return self.client.post(path, data=fields, headers=self._headers(swapping, path), **kwargs)

    def token(self) -> str:
        """The token of this visitor's session, as a page with a form shows it."""
        for path in ("/profile", "/sign-in", "/setup/first"):
            field = self.page(self.client.get(path)).select_one("input[name=csrf_token]")
            if field is not None:
                return str(field["value"])
        raise AssertionError("No page shows a token.")

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Sign in with a password."""
        return self.post("/sign-in", {"email": email, "password": password})

    @staticmethod
    def page(response: TestResponse) -> BeautifulSoup:
        """The answer as a document."""
        return BeautifulSoup(response.get_data(as_text=True), "html.parser")

    @staticmethod
    def _headers(swapping: str | None, path: str) -> dict[str, str]:
        if swapping is None:
            return {}
        return {"HX-Request": "true", "HX-Target": swapping, "HX-Current-URL": f"http://localhost{urlsplit(path).path}"}
