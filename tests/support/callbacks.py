"""Callbacks as ConnectWise posts them, made and signed by the test: written anew, so that it checks our own code."""

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.db.records import CallbackHook, CallbackKey
from portal.services import callbacks
from portal.services.sealing import Sealer
from tests.support.database import NOW, SECRET

TOKEN = "a-token-for-tests-only"
KEY = "the-key-that-the-psa-serves"


def body_of(record_id: object = 501, *, key_url: object, action: object = "updated", **other: Any) -> bytes:
    """A body as ConnectWise posts it."""
    given: dict[str, Any] = {
        "MessageId": str(uuid.uuid4()),
        "Action": action,
        "ID": record_id,
        "Type": "agreement",
        "Entity": json.dumps({"id": record_id, "quantity": 999_999}),
        "MemberId": "human",
        "CompanyId": "sandbox",
        "Metadata": {"key_url": key_url},
    }
    return json.dumps(given | other).encode()


def signed(body: bytes, key: str = KEY) -> str:
    """The signature of a body."""
    digest = hmac.new(hashlib.sha256(key.encode()).digest(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def switched_on(session: Session, *, key_url: str = "", key: str = KEY) -> None:
    """Callbacks are on; where an address is given, the key that it serves is known."""
    sealer = Sealer([SECRET])
    session.merge(
        CallbackHook(
            name="connectwise", state="registered", token_hash=callbacks.token_hash(TOKEN),
            sealed_token=sealer.seal(TOKEN), registered=[], left=[], registered_at=NOW, set_by="x", set_at=NOW,
        )
    )  # fmt: skip
    if key_url:
        session.merge(CallbackKey(url=key_url, sealed_key=sealer.seal(key), fetched_at=NOW, doubted=False))
    session.commit()


def post(app: Flask, body: bytes, signature: str | None = None, *, token: str = TOKEN, **other: Any) -> TestResponse:
    """Post a body as a stranger does; signed rightly unless told otherwise."""
    headers = {
        "Content-Type": "application/json",
        "x-content-signature": signed(body) if signature is None else signature,
    }
    path = f"/callbacks/connectwise/{token}?recordId=501&action=updated"
    return app.test_client().post(path, data=body, headers=headers, **other)
