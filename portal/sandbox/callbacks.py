"""``/system/callbacks``: who wants to hear of changes, and what is posted to them.

Assumptions, each in one place here, since the reference leaves them open: which levels a type has; that
a change of an addition is posted as an update of its agreement; how the key is hashed before it
signs (``signature``); and that each post has a ``MessageId`` of its own.
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from flask import has_request_context, request

from portal.sandbox.changes import Change, Tables, between
from portal.sandbox.errors import Fault, fault, invalid, missing_field
from portal.sandbox.jsontext import Record, dumps
from portal.sandbox.members import COMPANY
from portal.sandbox.posting import Post, Posting

KEY_PATH = "/login/callbackkey"

_TYPES = {"agreement": "agreements", "company": "companies", "ticket": "tickets", "productcatalog": "catalog_items"}
_QUIET = {"activity", "contact", "expense", "invoice", "member", "opportunity", "project", "schedule", "site", "time"}
"""Types that ConnectWise has and of which nothing changes here."""

_LEVELS = {"agreement": {"company", "type"}, "company": {"status"}, "ticket": {"board", "company", "status"}}
"""Beside ``owner`` (all records) and the type itself (one record): fields that point at ``objectId``."""


def settled(draft: Record, member: int) -> Record:
    """A callback as the PSA keeps it.

    Args:
        draft: What the caller sent, of the right shape.
        member: The id of the member who registers it.

    Raises:
        Refusal: 400, no address that could be posted to, or a type or level that there is not.
    """
    faults: list[Fault] = [missing_field("callback", name) for name in ("url", "type") if not draft.get(name)]
    if faults:
        raise invalid("callback", *faults)
    usual: Record = {"objectId": 1, "level": "owner", "memberId": member, "inactiveFlag": False}
    draft = usual | draft
    draft |= {"type": str(draft["type"]).lower(), "level": str(draft["level"]).lower()}
    if not _postable(str(draft["url"])):
        faults.append(fault("callback", "url", "The url must be an absolute http or https address."))
    if draft["type"] not in _TYPES.keys() | _QUIET:
        faults.append(fault("callback", "type", f"The type {str(draft['type'])[:40]} is not recognized."))
    elif draft["level"] not in {"owner", draft["type"]} | _LEVELS.get(str(draft["type"]), set()):
        faults.append(fault("callback", "level", f"The level {str(draft['level'])[:40]} is not recognized."))
    if faults:
        raise invalid("callback", *faults)
    return draft


def _postable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def signature(key: str, body: bytes) -> str:
    """What ``x-content-signature`` says of a body.

    HMAC-SHA256 of the body in base 64. The reference says that the served key is hashed first, not how.
    Assumption: the SHA-256 digest (32 bytes) of the key's text is what signs.
    """
    return base64.b64encode(hmac.digest(hashlib.sha256(key.encode()).digest(), body, "sha256")).decode()


class Callbacks:
    """Posts each change to those who registered for it."""

    def __init__(self, posting: Posting | None = None) -> None:
        self.posting = posting or Posting()
        self.key = secrets.token_urlsafe(32)
        self.key_id = secrets.token_hex(8)
        self._site = "http://127.0.0.1"

    def wrote(self, change: Change, tables: Tables) -> None:
        """A caller made, changed or deleted a record."""
        self._tell(_seen_from_outside([change], tables), tables)

    def moved(self, before: Tables, after: Tables) -> None:
        """The set moved to another step."""
        if not after["callbacks"]:
            return
        changes: list[Change] = []
        for resource in ("agreements", "companies", "tickets", "catalog_items", "additions"):
            changes += between(resource, before[resource], after[resource])
        self._tell(_seen_from_outside(changes, after), after)

    def _tell(self, changes: Iterable[Change], tables: Tables) -> None:
        active = [row for row in tables["callbacks"].values() if row.get("inactiveFlag") is not True]
        if not active:
            return
        if has_request_context():
            self._site = request.host_url.rstrip("/")
        members = {row.get("id"): row.get("identifier") for row in tables["members"].values()}
        for change in changes:
            for callback in active:
                own = (
                    callback.get("isSelfSuppressedFlag") is True and members.get(callback.get("memberId")) == change.by
                )
                if not own and _wanted(callback, change):
                    self.posting.send(self._post(callback, change))

    def _post(self, callback: Record, change: Change) -> Post:
        action = "added" if change.before is None else "deleted" if change.after is None else "updated"
        body = dumps(
            {
                "MessageId": str(uuid.uuid4()),
                "Action": action,
                "ID": change.key,
                "Type": callback["type"],
                "Entity": dumps(change.after or change.before),
                "MemberId": change.by,
                "CompanyId": COMPANY,
                "Metadata": {"key_url": f"{self._site}{KEY_PATH}/{self.key_id}"},
            }
        ).encode()
        url = str(callback["url"]).partition("#")[0]
        url += ("&" if urlsplit(url).query else "?") + urlencode({"recordId": change.key, "action": action})
        return Post(
            line=str(callback["url"]),
            url=url,
            body=body,
            headers={"Content-Type": "application/json", "x-content-signature": signature(self.key, body)},
            about={"callback": callback["id"], "type": callback["type"], "id": change.key, "action": action},
        )


def _wanted(callback: Record, change: Change) -> bool:
    if _TYPES.get(str(callback.get("type"))) != change.resource:
        return False
    level, target = callback.get("level"), callback.get("objectId")
    if level == "owner":
        return True
    if level == callback.get("type"):
        return target == change.key
    pointed = (change.after or change.before or {}).get(str(level))
    return isinstance(pointed, dict) and pointed.get("id") == target


def _seen_from_outside(changes: Iterable[Change], tables: Tables) -> list[Change]:
    """The changes with those of additions as updates of their agreements, one a record."""
    seen: dict[tuple[str, int], Change] = {}
    for change in changes:
        if change.resource != "additions":
            seen[change.resource, change.key] = change
            continue
        parent = (change.after or change.before or {}).get("agreementId")
        agreement = tables["agreements"].get(parent) if isinstance(parent, int) else None
        if isinstance(parent, int) and agreement is not None:
            update = Change(resource="agreements", key=parent, before=agreement, after=agreement, by=change.by)
            seen.setdefault(("agreements", parent), update)
    return list(seen.values())
