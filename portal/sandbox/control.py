"""``/_sandbox``: steps, reset, the journals, faults, throttle, roles and the site. No sign-in: it is a test tool."""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, request

from portal.sandbox import jsontext
from portal.sandbox.answers import json_answer
from portal.sandbox.bundles import MOST, Bundles
from portal.sandbox.clock import written
from portal.sandbox.errors import bad_request
from portal.sandbox.faults import FaultError, Faults
from portal.sandbox.gate import Requests
from portal.sandbox.jsontext import JsonValue
from portal.sandbox.paths import RELEASE, Site
from portal.sandbox.posting import Posting
from portal.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Control:
    """The addresses that steer a sandbox.

    Args:
        store: What the PSA holds.
        requests: The journal of requests.
        faults: What is set to go wrong.
        site: Where the PSA says it lives.
        bundles: Answers bundles.
        posting: Sends callbacks.
    """

    store: Store
    requests: Requests
    faults: Faults
    site: Site
    bundles: Bundles
    posting: Posting

    def register(self, app: Flask) -> None:
        """Give an application these addresses."""
        app.add_url_rule("/_sandbox/step", "sandbox.step", self.step, methods=["GET", "POST"])
        app.add_url_rule("/_sandbox/reset", "sandbox.reset", self.reset, methods=["POST"])
        app.add_url_rule("/_sandbox/requests", "sandbox.requests", self.journal, methods=["GET", "DELETE"])
        app.add_url_rule("/_sandbox/faults", "sandbox.faults", self.set_faults, methods=["POST"])
        app.add_url_rule("/_sandbox/throttle", "sandbox.throttle", self.throttle, methods=["POST"])
        app.add_url_rule("/_sandbox/roles", "sandbox.roles", self.roles, methods=["POST"])
        app.add_url_rule("/_sandbox/site", "sandbox.site", self.set_site, methods=["POST"])
        app.add_url_rule("/_sandbox/bundles", "sandbox.bundles", self.set_bundles, methods=["POST"])
        app.add_url_rule("/_sandbox/callbacks", "sandbox.callbacks", self.posts, methods=["GET", "DELETE"])

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
        """As it was at the start: first step, nothing written, no faults, no throttle, no requests or posts."""
        self.site.set(RELEASE, cloud=False)
        self.bundles.most = MOST
        self.posting.clear()
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

    def posts(self) -> Response:
        """GET: the callbacks that were posted or wait, oldest first. DELETE: forget them, send none that waits."""
        if request.method == "DELETE":
            self.posting.clear()
            return Response(status=HTTPStatus.NO_CONTENT)
        return json_answer(self.posting.all())

    def set_bundles(self) -> Response:
        """``{"most": 50}``: how many parts a bundle holds at most; 0: this PSA has no bundles."""
        body = _body()
        most = body.get("most") if isinstance(body, dict) else None
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            raise bad_request("InvalidArgument", 'A body such as {"most": 50} is expected.')
        self.bundles.most = most
        return json_answer({"most": most})

    def set_site(self) -> Response:
        """``{"codebase": "v2025_1", "cloud": true}``: what ``login/companyinfo`` says, and where the API is."""
        body = _body()
        body = body if isinstance(body, dict) else {}
        try:
            self.site.set(str(body.get("codebase", "")), cloud=body.get("cloud") is True)
        except ValueError as error:
            raise bad_request("InvalidArgument", str(error)) from error
        return json_answer({"codebase": self.site.codebase, "cloud": self.site.cloud})

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
