"""The pages of the audit trail share one blueprint."""

from flask import Blueprint

bp = Blueprint("audit", __name__)
