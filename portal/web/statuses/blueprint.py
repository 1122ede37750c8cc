"""The pages about statuses and types share one blueprint."""

from flask import Blueprint

bp = Blueprint("statuses", __name__, url_prefix="/statuses")
