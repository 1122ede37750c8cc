"""Every address and every command that changes something leads to an event, or stands here with the reason why not."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import click
from flask import Flask

from tests.support.reaching import Node, reaches

EVENTS: set[Node] = {("portal.services.audit", "record"), ("portal.services.audit_refusals", "note")}
NO_EVENT = {
    "audit.read_event_psa": "asks a worker to read; nothing is changed",
    "audit.read_psa": "asks a worker to read; nothing is changed",
    "callbacks.receive": "ConnectWise says that something changed there; the sync that follows is an event",
    "cards.read_again": "asks for a sync, whose end is an event that names who asked",
    "connections.start_sync": "asks for a sync, whose end is an event that names who asked",
    "imports.change": "says how a file is read that does not count yet; committing it is the event, with these choices",
    "mapping.drop": "forgets a file that was not applied",
    "mapping.receive": "shows what a file would change; applying it is the event",
    "notices.choose_mail": "which mails a person wants; it concerns nobody else",
    "notices.dismiss": "takes a notice off a person's own pages",
    "profile.begin_two_step": "shows a secret; that the second step is on is the event",
    "profile.save": "how a person likes the pages; it concerns nobody else",
    "sign_in.drop_kept": "forgets what a person had typed",
    "statuses.drop": "forgets a file that was not applied",
    "statuses.receive": "shows what a file would change; applying it is the event",
    "views.default": "which view a person opens first; it concerns nobody else",
}
NO_EVENT_OF_COMMANDS = {
    "audit export", "audit head", "batches list", "cards export", "cards plan", "cards splits", "connections show",
    "doctor", "mapping export", "mapping inactive", "mapping unmapped", "pushes list", "rules list", "statuses export",
    "users list",  # these read
    "demo people",  # the demo's own people, before anything has happened
    "setup-code",  # shows the code; that an admin was made with it is the event
}  # fmt: skip
NOT_OURS = "db"  # of the library for migrations


def node_of(view: Callable[..., Any]) -> Node:
    plain = inspect.unwrap(view)
    return (plain.__module__, plain.__name__)


def changing(app: Flask) -> Iterator[tuple[str, Node]]:
    """Every endpoint that takes a form, with its view."""
    for rule in app.url_map.iter_rules():
        if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            yield rule.endpoint, node_of(app.view_functions[rule.endpoint])


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, Node]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        elif command.callback is not None:
            yield f"{before}{name}", node_of(command.callback)


def test_each_address_that_takes_a_form_writes_events_or_says_why_not(app: Flask) -> None:
    silent = {endpoint for endpoint, view in changing(app) if not reaches(view, EVENTS)}

    assert silent == set(NO_EVENT)


def test_each_command_that_changes_something_writes_events_or_says_why_not(app: Flask) -> None:
    silent = {
        name for name, callback in commands(app.cli) if name.split()[0] != NOT_OURS and not reaches(callback, EVENTS)
    }

    assert silent == NO_EVENT_OF_COMMANDS


def test_the_reading_of_the_source_tells_them_apart() -> None:
    assert reaches(("portal.web.cards.decide", "approve"), EVENTS)
    assert reaches(("portal.cli.connections", "writing"), EVENTS)
    assert not reaches(("portal.services.audit_anchors", "note"), EVENTS)
    assert not reaches(("portal.web.audit.routes", "index"), EVENTS)
