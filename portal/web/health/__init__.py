"""Whether the portal lives and can work, for those who watch it. No sign-in, no secrets."""

import logging

import sqlalchemy as sa
from flask import Blueprint, Flask, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from portal.db.session import reading
from portal.services import audit_guards
from portal.web.access import public

bp = Blueprint("health", __name__, url_prefix="/health")
_log = logging.getLogger(__name__)


@bp.get("/live")
@public
def live() -> ResponseReturnValue:
    """Say that the process answers."""
    return jsonify(status="ok")


@bp.get("/ready")
@public
def ready() -> ResponseReturnValue:
    """Say whether the store answers, is at a migration, and protects the audit trail."""
    try:
        version = reading().execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except SQLAlchemyError:
        _log.exception("The store does not answer.")
        return jsonify(status="not ready", store="does not answer, or was never migrated"), 503
    if version is None:
        return jsonify(status="not ready", store="was never migrated"), 503
    gone = audit_guards.missing(reading())
    if gone:
        return jsonify(status="not ready", store="the triggers of the audit trail are gone", missing=gone), 503
    return jsonify(status="ok", store="ok", migration=version, trail="guarded")


def register(app: Flask) -> None:
    """Register the two addresses."""
    app.register_blueprint(bp)
