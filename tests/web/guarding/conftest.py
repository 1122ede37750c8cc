"""A portal with a month in it, and records that belong to one person alone."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.records import (
    Card,
    Draft,
    Notice,
    OneTimeLink,
    Person,
    PsaQuestion,
    SavedView,
    SignIn,
    SyncRun,
    Tag,
    UsageImport,
    VendorAccount,
    VendorProfile,
    VendorService,
)  # fmt: skip
from portal.services import notes, sessions, tags
from portal.services.actors import Actor
from portal.services.connection_trial import Values
from portal.services.sealing import Sealer
from portal.services.tags import Carriers
from tests.support.database import NOW, SECRET, settings_on
from tests.support.people import a_person
from tests.support.visitor import Visitor

CANARY = "only its owner reads this"


@pytest.fixture
def settings(tmp_path: Path, loaded_file: Path) -> Settings:
    """A portal with a month in it."""
    instance = tmp_path / "instance"
    instance.mkdir()
    file = instance / "countersign.sqlite"
    shutil.copyfile(loaded_file, file)
    return settings_on(f"sqlite:///{file}", instance, secret_keys=(SECRET,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Records of one person, by the names that addresses give their ids; the rest is everybody's."""

    owner: Person
    ids: dict[str, int]
    token: str


@pytest.fixture
def owned(session: Session) -> Owned:
    """Somebody's own records of each sort, and one of each sort that is everybody's."""
    owner = a_person(session, "manager", email="owner@fennimore.example", name="Olive")
    now, real = NOW, datetime.now(UTC)
    by = Actor(owner.name, owner.id, owner.role)
    token = sessions.start_session(session, owner, address="203.0.113.9", agent=CANARY, now=real, how="password")
    card = session.scalars(sa.select(Card).where(Card.state == "open").order_by(Card.id)).first() or _a_card(session)
    note = notes.add(session, card.id, text="everybody reads this note", by=by, now=now)
    tags.put_on(session, "VIP", Carriers(companies=(card.company_id,)), by=by, now=now)
    session.add_all([
        Draft(person_id=owner.id, path="/cards", fields={"typed": [["reason", CANARY]]}, kept_at=real),
        Notice(
            person_id=owner.id, kind="told", cause="a cause", tone="ok", sentence=CANARY, link="/cards", made_at=now
        ),
        SavedView(
            owner_id=owner.id, name=CANARY, key=CANARY, query="q=x", shared=False, made_at=now, changed_at=now
        ),
        OneTimeLink(
            person_id=owner.id, token_hash="0" * 64, purpose="reset", expires_at=real + timedelta(days=1),
            made_at=now, made_by=owner.name,
        ),
        PsaQuestion(
            kind="test", subject=CANARY, state="done", asked_by=owner.name, asked_at=real, finished_at=real,
            sealed=Sealer([SECRET]).seal("the key of now"), answer={},
            asked={
                "values": Values(url="https://na.example", company="a", public_key="b", client_id="c").as_json(),
                "by": {"name": owner.name, "person_id": owner.id, "address": None}, "seen": None,
                "typed_key": True, "save": False,
            },
        ),
    ])  # fmt: skip
    session.flush()
    found = {
        "draft_id": Draft, "notice_id": Notice, "view_id": SavedView, "link_id": OneTimeLink,
        "question_id": PsaQuestion,
        "sign_in_id": SignIn, "account_id": VendorAccount, "service_id": VendorService, "import_id": UsageImport,
        "run_id": SyncRun, "tag_id": Tag, "profile_id": VendorProfile,
    }  # fmt: skip
    ids = {name: session.scalar(sa.select(sa.func.max(record.id))) or 1 for name, record in found.items()}  # type: ignore[attr-defined] # each has one
    ids |= {"person_id": owner.id, "card_id": card.id, "note_id": note.id, "company_id": card.company_id}
    session.commit()
    return Owned(owner=owner, ids=ids, token=token)


def _a_card(session: Session) -> Card:
    return session.scalars(sa.select(Card).order_by(Card.id)).first() or Card()


@pytest.fixture
def picture(engine: sa.Engine) -> Callable[..., dict[str, list[tuple[object, ...]]]]:
    """Gives what stands in the store, table by table, without what every request may add."""

    def take(*but: str) -> dict[str, list[tuple[object, ...]]]:
        found = {}
        with engine.connect() as connection:
            for table in sa.inspect(connection).get_table_names():
                if table not in but:
                    rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()  # noqa: S608 - our own tables
                    found[table] = sorted((tuple(row) for row in rows), key=repr)
        return found

    return take


@pytest.fixture
def visitors(app: Flask, session: Session, owned: Owned) -> Callable[[str], Visitor]:
    """Gives somebody else of a role, signed in."""

    assert owned.ids  # made first, so that it is somebody else's

    def sign_in(role: str) -> Visitor:
        a_person(session, role, email=f"other-{role}@fennimore.example", name=f"Other {role}")
        visitor = Visitor(app)
        assert visitor.sign_in(f"other-{role}@fennimore.example").status_code == 303
        return visitor

    return sign_in
