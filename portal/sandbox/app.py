"""The sandbox as a Flask application: ConnectWise's addresses, and ``/_sandbox`` to steer it."""

import time
import uuid
from http import HTTPStatus

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from portal.sandbox import api
from portal.sandbox.answers import json_answer
from portal.sandbox.bundles import Bundles
from portal.sandbox.callbacks import Callbacks
from portal.sandbox.clock import written
from portal.sandbox.control import Control
from portal.sandbox.errors import Refusal
from portal.sandbox.faults import BEFORE, Faults, PlannedFault
from portal.sandbox.gate import Requests
from portal.sandbox.mishaps import DROPPED, after_effect, before_effect, throttled
from portal.sandbox.paths import Site, install
from portal.sandbox.store import Store

MAX_BODY = 2_000_000


def create_sandbox(store: Store, *, faults: Faults | None = None, latency: float = 0) -> Flask:
    """Build the application.

    Args:
        store: What the PSA holds.
        faults: Those that are set at the start.
        latency: Seconds that every answer of the API takes longer.
    """
    app = Flask("portal.sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    requests = Requests()
    faults = faults or Faults()
    site, bundles, callbacks = Site(), Bundles(store, faults), Callbacks()
    store.watchers.append(callbacks)
    api.register(app, store, site, bundles, callbacks)
    Control(store, requests, faults, site, bundles, callbacks.posting).register(app)
    install(app, site)

    @app.before_request
    def before() -> Response | None:
        g.asked = written(store.clock.now())
        g.fault = None
        if request.path.startswith("/_sandbox"):
            return None
        if latency:
            time.sleep(latency)  # no wait for anything: the latency that --latency asks for
        if seconds := faults.throttle.wait():
            return throttled(seconds)
        page = request.args.get("pageId") or request.args.get("page") or ""
        fault: PlannedFault | None = faults.next(request.method, request.path, page)
        g.fault = fault
        return before_effect(fault) if fault and fault.kind in BEFORE else None

    @app.after_request
    def after(response: Response) -> Response:
        if request.path.startswith("/_sandbox"):
            return response
        if g.fault and g.fault.kind not in BEFORE:
            response = after_effect(g.fault, response)
        response.headers["x-cw-request-id"] = str(uuid.uuid4())
        dropped = DROPPED in response.headers
        requests.add(
            {
                "time": g.asked,
                "method": request.method,
                "path": request.path,
                "query": request.query_string.decode("latin-1"),
                "member": g.get("member"),
                "status": None if dropped else response.status_code,
                "effect": bool(g.get("effect")),
                "fault": g.fault.kind if g.fault else None,
                **({"bundle": g.parts} if "parts" in g else {}),
            }
        )
        return response

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return json_answer(refusal.body(), refusal.status)

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        return json_answer(
            {"code": status.phrase.replace(" ", ""), "message": status.description, "errors": None}, status
        )

    return app
