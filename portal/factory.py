"""Builds the app: binds the extensions, registers every screen and every command."""

import importlib
import logging
import pkgutil
from datetime import timedelta
from types import ModuleType

from flask import Flask, current_app
from sqlalchemy.exc import ArgumentError

import portal.cli
import portal.web
from portal.clock import Clock
from portal.config import PREFIX, ROOT, BadSetting, Settings
from portal.db.session import bind
from portal.extensions import csrf, db, htmx, login_manager, migrate

UPLOAD_LIMIT = 512 * 1024 * 1024  # bytes: the largest file that is taken in


def create_app(settings: Settings) -> Flask:
    """Build the portal.

    Args:
        settings: What `portal.config.read_settings` gave.
    """
    app = Flask("portal", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config.from_mapping(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={"hide_parameters": True},  # what people typed, and secrets, stay out of the log
        SETTINGS=settings,
        CLOCK=Clock(settings.time_zone, settings.now),
        MAX_CONTENT_LENGTH=UPLOAD_LIMIT,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        SESSION_COOKIE_NAME=cookie_name("session", settings),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
    )
    app.logger.setLevel(logging.INFO)
    try:
        bind(app)
    except (ArgumentError, ImportError, ValueError) as error:
        raise BadSetting(
            f"{PREFIX}DATABASE_URL cannot be used. Write it like sqlite:////folder/countersign.sqlite or "
            "postgresql://user:password@host:5432/countersign."
        ) from error
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    csrf.init_app(app)
    htmx.init_app(app)
    login_manager.init_app(app)
    for module in _parts(portal.web.__path__, "portal.web"):
        register = getattr(module, "register", None)
        if register is not None:
            register(app)
    for module in _parts(portal.cli.__path__, "portal.cli"):
        app.cli.add_command(module.group)
    return app


def cookie_name(name: str, settings: Settings) -> str:
    """Give the name of a cookie; over TLS one that browsers take from this very host alone, and for no other."""
    return f"__Host-countersign_{name}" if settings.base_url.startswith("https://") else f"countersign_{name}"


def settings_of() -> Settings:
    """Give the settings of the current app."""
    found: Settings = current_app.config["SETTINGS"]
    return found


def clock() -> Clock:
    """Give the business clock of the current app."""
    found: Clock = current_app.config["CLOCK"]
    return found


def _parts(path: list[str], package: str) -> list[ModuleType]:
    """Import every module of a package, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))
    return [importlib.import_module(f"{package}.{name}") for name in names]
