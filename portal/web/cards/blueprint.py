"""The blueprint that the board's modules hang their views on."""

from flask import Blueprint

bp = Blueprint("cards", __name__)
