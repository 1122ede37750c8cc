"""What a worker does beside syncs and pushes: notices and mails, and the callbacks of ConnectWise.

Each errand has a thread of its own, since each may wait for another server, and none is to hold up the sweep.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask

from portal.connectwise import ConnectWiseError
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.jobs import doing, made_up, queue, trail
from portal.jobs.doing import Clients, real_now
from portal.services import account_lines, callbacks, callbacks_hook, imports, look_back, mail, notices, sync_wanted
from portal.services.errors import Refused
from portal.services.notices import Post
from portal.services.sealing import Sealer

log = logging.getLogger(__name__)

SECONDS = 1.0  # between two looks at our own tables
AWAY_SECONDS = 20.0  # after ConnectWise or the mail server did not answer
END_SECONDS = 30.0  # at most, that an end waits for the errand in hand; what is cut off is found again


def tell_and_send() -> bool:
    """Tell people of runs that have ended, and hand over the mails that are due. Needs an app context.

    Returns:
        True: to be looked at again soon.
    """
    server = settings_of().mail
    session = reading()
    session.rollback()
    untold = notices.untold_runs(session)
    due = server is not None and mail.is_due(session, real_now())
    session.rollback()
    if untold:
        post = None if server is None else Post(base_url=settings_of().base_url, zone=clock().zone, real_now=real_now())
        with transaction() as store:
            notices.tell_runs(store, now=clock().now(), post=post)
    if server is not None and (due or untold):
        mail.send_due(transaction, server, real_now=real_now, sealer=Sealer(settings_of().secret_keys))
    return True


def see_to_callbacks(clients: Clients) -> bool:
    """Register callbacks where an admin wants them, and verify what waits for a key. Needs an app context.

    Returns:
        Whether ConnectWise answered as it should.
    """
    session = reading()
    session.rollback()
    to_register = callbacks_hook.is_due(session, real_now())
    to_verify = callbacks.work_waits(session, real_now())
    session.rollback()
    if not (to_register or to_verify):
        return True
    try:
        client = clients.connectwise()
    except Refused:
        return False  # whoever looks at the connections sees why
    sealer = Sealer(settings_of().secret_keys)
    if to_register:
        callbacks_hook.register(transaction, client, base_url=settings_of().base_url, sealer=sealer, real_now=real_now)
    if not to_verify:
        return True
    believed, answered = callbacks.verify_waiting(transaction, client, sealer=sealer, real_now=real_now)
    if believed:
        with transaction() as store:
            run_id = sync_wanted.start(store, now=clock().now(), real_now=datetime.now(UTC))
        if run_id is not None:
            queue.wake_sync(run_id)
    return answered


def tidy_imports() -> bool:
    """Remove what was read of one file that can never count. Needs an app context.

    Returns:
        Whether there may be more.
    """
    return imports.sweep(transaction, now=clock().now())


def keep_account_lines() -> bool:
    """Bring the lines of the accounts page up to date where something has changed. Needs an app context.

    Returns:
        True: to be looked at again soon.
    """
    account_lines.refresh_apart(transaction, reading, today=clock().today(), now=clock().now())
    return True


def decide_many(stopping: threading.Event) -> bool:
    """Carry on with decisions on many cards that nobody has in hand. Needs an app context.

    They have a thread of their own: a wake-up would stand in line behind all the pushes of the one before.

    Returns:
        Whether they may be decided: not where the audit trail is unprotected.
    """
    if trail.is_unguarded():
        return False
    for bulk_id in doing.due_bulks():
        doing.do_bulk(bulk_id, stopping.is_set)
    return True


def look_back_daily(clients: Clients) -> bool:
    """Read again what was confirmed in the last days, once a day. Needs an app context.

    Returns:
        Whether ConnectWise answered as it should.
    """
    session = reading()
    session.rollback()
    due = look_back.is_due(session, now=clock().now(), zone=clock().zone)
    session.rollback()
    if not due:
        return True
    try:
        look_back.run(transaction, clients.connectwise(), now=clock().now(), zone=clock().zone)
    except (Refused, ConnectWiseError) as error:
        log.info("The look back waits: %s", error)
        return False
    return True


def start(app: Flask, clients: Clients, stopping: threading.Event) -> list[threading.Thread]:
    """Start the errands.

    Args:
        app: The portal.
        clients: Gives the client of the stored connection.
        stopping: Ends them, when the errand in hand is done.

    Returns:
        Their threads, to be joined.
    """
    errands: dict[str, Callable[[], bool]] = {
        "letters": tell_and_send,
        "callbacks": lambda: see_to_callbacks(clients),
        "imports": tidy_imports,
        "account lines": keep_account_lines,
        "look back": lambda: look_back_daily(clients),
        "audit trail": trail.Trail().look,
        "made-up data": made_up.Host().look,
        "many cards": lambda: decide_many(stopping),
    }
    threads = [
        threading.Thread(target=_again_and_again, args=(app, name, errand, stopping), name=name, daemon=True)
        for name, errand in errands.items()
    ]
    for each in threads:
        each.start()
    return threads


def _again_and_again(app: Flask, name: str, errand: Callable[[], bool], stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            with app.app_context():
                answered = errand()
        except Exception:
            log.exception("The errand “%s” stopped half-way; it is done again.", name)
            answered = False
        stopping.wait(SECONDS if answered else AWAY_SECONDS)
