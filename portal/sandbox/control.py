"""``/_sandbox``: steps, reset, the journal of requests, faults and roles. No sign-in: it is a test tool."""

from http import HTTPStatus

from flask import Flask, Response, request

from portal.sandbox import jsontext
from portal.sandbox.answers import json_answer
from portal.sandbox.clock import written
from portal.sandbox.errors import bad_request
from portal.sandbox.faults import FaultError, Faults
from portal.sandbox.gate import Requests
from portal.sandbox.jsontext import JsonValue
from portal.sandbox.store import Store


def register(app: Flask, store: Store, requests: Requests, faults: Faults) -> None:
    """Give an application the addresses that steer it."""

    def state() -> Response:
        return json_answer(
            {
                "step": store.step,
                "steps": len(store.data.steps),
                "now": written(store.clock.now()),
                "today": store.today().isoformat(),
            }
        )

    def step() -> Response:
        if request.method == "POST":
            body = _body()
            wanted = body.get("step") if isinstance(body, dict) else None
            if isinstance(wanted, bool) or not isinstance(wanted, int):
                raise bad_request("InvalidArgument", 'A body such as {"step": 2} is expected.')
            try:
                store.move_to(wanted)
            except ValueError as error:
                raise bad_request("InvalidArgument", str(error)) from error
        return state()

    def reset() -> Response:
        faults.set([])
        store.reset()
        requests.clear()
        return state()

    def journal() -> Response:
        if request.method == "DELETE":
            requests.clear()
            return Response(status=HTTPStatus.NO_CONTENT)
        return json_answer(requests.all())

    def set_faults() -> Response:
        try:
            return json_answer({"faults": faults.set(_body())})
        except FaultError as error:
            raise bad_request("InvalidArgument", str(error)) from error

    def roles() -> Response:
        body = _body()
        try:
            for key, areas in (body if isinstance(body, dict) else {"": None}).items():
                for area, actions in (areas if isinstance(areas, dict) else {"": None}).items():
                    words = [str(action) for action in actions] if isinstance(actions, list) else [""]
                    store.roles.set(key, area, frozenset(words))
        except ValueError as error:
            raise bad_request("InvalidArgument", str(error)) from error
        return json_answer({})

    app.add_url_rule("/_sandbox/step", "sandbox.step", step, methods=["GET", "POST"])
    app.add_url_rule("/_sandbox/reset", "sandbox.reset", reset, methods=["POST"])
    app.add_url_rule("/_sandbox/requests", "sandbox.requests", journal, methods=["GET", "DELETE"])
    app.add_url_rule("/_sandbox/faults", "sandbox.faults", set_faults, methods=["POST"])
    app.add_url_rule("/_sandbox/roles", "sandbox.roles", roles, methods=["POST"])


def _body() -> JsonValue:
    try:
        return jsontext.loads(request.get_data())
    except ValueError as error:
        raise bad_request("InvalidJson", f"The body cannot be read: {error}") from error
