"""What a fault does to an answer."""

import time
from http import HTTPStatus

from flask import Response

from portal.sandbox.answers import json_answer
from portal.sandbox.faults import PlannedFault

DROPPED = "x-sandbox-dropped"
"""A header that is never sent: it tells the server to let the connection die without an answer."""

_HTML = "<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"


def _drop() -> Response:
    return Response(status=HTTPStatus.NO_CONTENT, headers={DROPPED: "yes"})


def _stumble(fault: PlannedFault) -> Response:
    body = {"code": "ConnectWiseApi", "message": "The server could not complete the request.", "errors": None}
    return json_answer({**body}, _status(fault.status))


def _status(number: int) -> HTTPStatus:
    try:
        return HTTPStatus(number)
    except ValueError:
        return HTTPStatus.SERVICE_UNAVAILABLE


def throttled(seconds: int) -> Response:
    """Too many requests; come back after so many seconds."""
    body = {"code": "TooManyRequests", "message": "The rate limit was exceeded.", "errors": None}
    response = json_answer({**body}, HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(seconds)
    return response


def before_effect(fault: PlannedFault) -> Response:
    """The answer of a fault that keeps the request from taking effect."""
    match fault.kind:
        case "drop_before":
            return _drop()
        case "html":
            return Response(_HTML, status=fault.status, content_type="text/html; charset=utf-8")
        case "throttle":
            return throttled(int(fault.seconds))
        case _:
            return _stumble(fault)


def after_effect(fault: PlannedFault, response: Response) -> Response:
    """The answer of a fault that comes after the request took effect."""
    match fault.kind:
        case "drop_after":
            return _drop()
        case "status_after":
            return _stumble(fault)
        case "slow":
            time.sleep(fault.seconds)  # no wait for anything: the fault itself, a slow answer
            return response
        case _:
            whole = response.get_data()
            response.set_data(whole[: len(whole) // 2])
            response.headers["Content-Length"] = str(len(whole))
            return response
