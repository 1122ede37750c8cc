"""``/_sandbox``: steps, reset, the journal of requests, faults, throttle and roles. No sign-in: it is a test tool."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Control:
    """The addresses that steer a sandbox.

    Args:
        store: What the PSA holds.
        requests: The journal of requests.
        faults: What is set to go wrong.
    """

    store: Store
    requests: Requests
    faults: Faults

    def register(self, app: Flask) -> None:
        """Give an application these addresses."""
        app.add_url_rule("/_sandbox/step", "sandbox.step", self.step, methods=["GET", "POST"])
        app.add_url_rule("/_sandbox/reset", "sandbox.reset", self.reset, methods=["POST"])
        app.add_url_rule("/_sandbox/requests", "sandbox.requests", self.journal, methods=["GET", "DELETE"])
        app.add_url_rule("/_sandbox/faults", "sandbox.faults", self.set_faults, methods=["POST"])
        app.add_url_rule("/_sandbox/throttle", "sandbox.throttle", self.throttle, methods=["POST"])
        app.add_url_rule("/_sandbox/roles", "sandbox.roles", self.roles, methods=["POST"])

    def state(self) -> Response:
        """Where the sandbox stands."""
        return json_answer(
            {
                "step": self.store.step,
                "steps": len(self.store.data.steps),
                "now": written(self.store.clock.now()),
                "today": self.store.today().isoformat(),
            }
        )

    def step(self) -> Response:
        """GET: where it stands. POST ``{"step": 2}``: put it on a step."""
        if request.method == "POST":
            body = _body()
            wanted = body.get("step") if isinstance(body, dict) else None
            if isinstance(wanted, bool) or not isinstance(wanted, int):
                raise bad_request("InvalidArgument", 'A body such as {"step": 2} is expected.')
            try:
                self.store.move_to(wanted)
            except ValueError as error:
                raise bad_request("InvalidArgument", str(error)) from error
        return self.state()

    def reset(self) -> Response:
        """As it was at the start: first step, nothing written, no faults, no throttle, no requests."""
        self.faults.set([])
        self.faults.throttle.set(None)
        self.store.reset()
        self.requests.clear()
        return self.state()

    def journal(self) -> Response:
        """GET: the requests so far, oldest first. DELETE: forget them."""
        if request.method == "DELETE":
            self.requests.clear()
            return Response(status=HTTPStatus.NO_CONTENT)
        return json_answer(self.requests.all())

    def set_faults(self) -> Response:
        """A list of faults, in place of those before."""
        try:
            return json_answer({"faults": self.faults.set(_body())})
        except FaultError as error:
            raise bad_request("InvalidArgument", str(error)) from error

    def throttle(self) -> Response:
        """``{"per_minute": 60}``: how many requests pass in a minute; null: all."""
        body = _body()
        if not isinstance(body, dict) or "per_minute" not in body:
            raise bad_request("InvalidArgument", 'A body such as {"per_minute": 60} is expected.')
        try:
            self.faults.throttle.set(body["per_minute"])
        except FaultError as error:
            raise bad_request("InvalidArgument", str(error)) from error
        return json_answer({"per_minute": body["per_minute"]})

    def roles(self) -> Response:
        """``{"portal": {"agreements": ["inquire"]}}``: what a key may do in an area, and nothing else there."""
        body = _body()
        try:
            for key, areas in (body if isinstance(body, dict) else {"": None}).items():
                for area, actions in (areas if isinstance(areas, dict) else {"": None}).items():
                    words = [str(action) for action in actions] if isinstance(actions, list) else [""]
                    self.store.roles.set(key, area, frozenset(words))
        except ValueError as error:
            raise bad_request("InvalidArgument", str(error)) from error
        return json_answer({})


def _body() -> JsonValue:
    try:
        return jsontext.loads(request.get_data())
    except ValueError as error:
        raise bad_request("InvalidJson", f"The body cannot be read: {error}") from error
