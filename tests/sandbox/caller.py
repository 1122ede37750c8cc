"""Someone who calls the sandbox over HTTP, and holds every answer against the definition."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests

from portal.sandbox import jsontext
from portal.sandbox.server import Running
from tests.sandbox.definition import BASE, hold

CLIENT = "6f1c9f57-54a1-4f0e-9c0e-0f4ad7b6a001"
SECRETS = {"portal": "portal-secret", "human": "human-secret"}


class Caller:
    """A caller with one of the two keys."""

    def __init__(self, sandbox: Running, key: str = "portal") -> None:
        self.sandbox = sandbox
        self.headers = {"clientId": CLIENT}
        self.auth: tuple[str, str] | None = (f"sandbox+{key}", SECRETS[key])

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask for a path below the base (or a whole address) and check the answer's shape."""
        url = path if path.startswith("http") else f"{self.sandbox.base_url}{BASE}{path}"
        body = options.pop("body", None)
        if body is not None:
            options["data"] = jsontext.dumps(body)
        headers = self.headers | options.pop("headers", {})
        response = requests.request(method, url, auth=self.auth, headers=headers, timeout=20, **options)
        parsed = response.json() if response.content else None
        whole = "fields=" not in response.url
        if method != "HEAD":
            hold(method, urlsplit(response.url).path, response.status_code, parsed, whole=whole)
        assert response.headers["x-cw-request-id"]
        return response

    def get(self, path: str, **arguments: Any) -> Any:
        """The answer to a question that succeeds, numbers exact."""
        headers = arguments.pop("headers", {})
        response = self.send("GET", path, params=arguments, headers=headers)
        assert response.status_code == 200, response.text
        return jsontext.loads(response.content)

    def ids(self, path: str, conditions: str = "", **arguments: Any) -> list[int]:
        """The ids of the records that meet a condition."""
        rows = self.get(path, conditions=conditions, fields="id", pageSize=1000, **arguments)
        return [row["id"] for row in rows]

    def patch(self, path: str, **fields: Any) -> requests.Response:
        """Replace fields of a record; None removes one."""
        operations = [
            {"op": "remove", "path": name} if value is None else {"op": "replace", "path": name, "value": value}
            for name, value in fields.items()
        ]
        return self.send("PATCH", path, body=operations)

    def changed(self, path: str, **fields: Any) -> Any:
        """The record after a change that succeeds."""
        response = self.patch(path, **fields)
        assert response.status_code == 200, response.text
        return jsontext.loads(response.content)

    def created(self, path: str, **fields: Any) -> Any:
        """The record of a creation that succeeds."""
        response = self.send("POST", path, body=fields)
        assert response.status_code == 201, response.text
        return jsontext.loads(response.content)

    def steer(self, path: str, body: Any = None) -> Any:
        """Post to ``/_sandbox``."""
        url = f"{self.sandbox.base_url}/_sandbox/{path}"
        response = requests.post(url, data=jsontext.dumps(body), timeout=20)
        assert response.status_code == 200, response.text
        return response.json()

    def journal(self) -> Any:
        """The journal of requests."""
        return requests.get(f"{self.sandbox.base_url}/_sandbox/requests", timeout=20).json()


def replace(path: str, value: Any) -> dict[str, Any]:
    """One patch operation."""
    return {"op": "replace", "path": path, "value": value}


def number(text: str) -> Decimal:
    return Decimal(text)
