"""Settings that people change on screen, each a small JSON object under a name."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.db.records import Setting
from portal.services import audit
from portal.services.actors import Actor


def get(session: Session, name: str, default: Mapping[str, Any]) -> dict[str, Any]:
    """Give a setting; what it does not hold comes from the default."""
    found = session.get(Setting, name)
    return dict(default) | (dict(found.value) if found is not None else {})


def put(
    session: Session, name: str, value: Mapping[str, Any], *, by: Actor, now: datetime, sentence: str | None = None
) -> Setting:
    """Set a setting, with an audit event where it changes.

    Args:
        session: A writing session.
        name: At most 64 characters.
        value: JSON; decimals as text. It replaces the whole value.
        by: Who sets it.
        now: By the business clock.
        sentence: What it means to people, where the bare value would tell them nothing.
    """
    found = session.get(Setting, name)
    before = None if found is None else _text(found.value)
    if found is None:
        found = Setting(name=name, value=dict(value), set_by=by.name, set_at=now)
        session.add(found)
    elif before == _text(value):
        return found
    else:
        found.value, found.set_by, found.set_at = dict(value), by.name, now
    audit.record(
        session,
        what="setting",
        action="setting.put",
        by=by,
        now=now,
        sentence=sentence or f"Changed the setting “{name}”.",
        before=before if sentence is None else None,
        after=_text(value) if sentence is None else None,
        details={"setting": name, "value": dict(value)},
    )
    session.flush()
    return found


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
