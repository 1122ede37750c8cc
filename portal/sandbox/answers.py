"""Answers as ConnectWise sends them."""

import re
from http import HTTPStatus

from flask import Response, request

from portal.sandbox.jsontext import JsonValue, dumps

VERSION = "2025.1"


def json_answer(value: JsonValue, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A JSON answer with the version that the caller asked for."""
    response = Response(dumps(value), status=status, content_type="application/json; charset=utf-8")
    asked = re.search(r"version=([\d.]{1,12})", request.headers.get("Accept", ""))
    response.headers["api-current-version"] = asked[1] if asked else VERSION
    return response
