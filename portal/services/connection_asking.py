"""Testing and storing a connection by a worker: what was typed waits in a question, its key sealed."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Person, PsaQuestion
from portal.services import connections, made_up_mark, questions
from portal.services.actors import Actor, require
from portal.services.connection_trial import Line, Trial, Values, check_values, try_connectwise
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.questions import Asked, OpenSession
from portal.services.sealing import Sealer

KIND = "test"
MOVED = (
    "This is another ConnectWise than before. Companies, products and statuses are mapped by the ids of the old one: "
    "the next full sync marks all that was read there as gone, its cards become stale, and mappings may point to "
    "nothing or, worse, to another company that has the same id. Keep a copy of the mapping file (flask mapping "
    "export), and switch writing on again only after you have looked through mapping and statuses."
)


def ask_test(
    session: Session,
    values: Values,
    private_key: str,
    *,
    save: bool,
    moved_ok: bool = False,
    sealer: Sealer,
    by: Actor,
    now: datetime,
    real_now: datetime,
) -> PsaQuestion:
    """Let a worker test a connection, and store it where wanted and the rights that a sync needs are there.

    Args:
        session: A writing session.
        values: As typed.
        private_key: As typed; empty: the stored one, which is shown to no other site.
        save: Whether it is stored after the test.
        moved_ok: Whether the person confirmed that it leads to another ConnectWise than before.
        sealer: Seals the key while it waits.
        by: Who asks; an admin.
        now: By the business clock.
        real_now: Real time.

    Raises:
        NotAllowed: The role is too low.
        Invalid: What was typed cannot be used; `fields` names each.
    """
    require(by, "admin", "set connections")
    wrong: dict[str, str] = {}
    try:
        values = check_values(values, private_key, real_now=real_now)
    except Invalid as error:
        wrong |= error.fields
    made_up_mark.refuse_another(session, values.url)
    connection = connections.get_connectwise(session)
    moved = connections.is_another_psa(connection, values.url, values.company)
    if not private_key and connection is None:
        wrong["private_key"] = "Fill in the private key of the API member. ConnectWise shows it once, when it is made."
    elif not private_key and moved:
        wrong["private_key"] = "Put in the private key: another address or company needs it anew."
    if moved and save and not moved_ok:
        wrong["moved_ok"] = "This leads to another ConnectWise than before. Read what that means, and tick it to save."
    if wrong:
        raise Invalid(next(iter(wrong.values())), wrong)
    if save:
        _let_go(session, by)
    asked = {
        "values": values.as_json(),
        "typed_key": bool(private_key),
        "save": save,
        "seen": None if connection is None else connection.set_at.isoformat(),
        "by": {"name": by.name, "person_id": by.person_id, "address": by.address},
    }
    return questions.ask(session, KIND, asked=asked, secret=private_key or None, sealer=sealer, by=by, now=now)


def may_save(question: PsaQuestion, *, by: Actor, real_now: datetime) -> bool:
    """Tell whether a test passed with a key that is still kept for the person who typed it."""
    return (
        question.kind == KIND
        and question.state == "done"
        and question.sealed is not None
        and question.finished_at is not None
        and real_now - question.finished_at < questions.SECRET_KEPT
        and by.person_id is not None
        and question.asked["by"]["person_id"] == by.person_id
    )


def save_tested(
    session: Session, question_id: int, *, moved_ok: bool, sealer: Sealer, by: Actor, now: datetime, real_now: datetime
) -> PsaQuestion:
    """Let a worker store what passed a test, as it was tested; it tries it once more. The kept key leaves the test.

    Args:
        session: A writing session.
        question_id: The test.
        moved_ok: As for `ask_test`, as are the others.
        sealer: Opens the key, and seals it again.
        by: Who tested it.
        now: By the business clock.
        real_now: Real time.

    Raises:
        NotAllowed: The role is too low.
        Conflict: The key is not kept any more, or the connection is another one by now.
        Invalid: It leads to another ConnectWise and that was not confirmed.
    """
    require(by, "admin", "set connections")
    tested = session.get(PsaQuestion, question_id, populate_existing=True)
    if tested is None or tested.sealed is None or not may_save(tested, by=by, real_now=real_now):
        raise Conflict(
            "The private key of this test is not kept any more. Nothing was changed. Put it in again to save."
        )
    connection = connections.get_connectwise(session)
    if tested.asked["seen"] != (None if connection is None else connection.set_at.isoformat()):
        raise Conflict(
            "Somebody changed the connection since this test. Nothing was stored. Look at it, then test again."
        )
    return ask_test(
        session,
        Values.from_json(tested.asked["values"]),
        sealer.open(tested.sealed),
        save=True,
        moved_ok=moved_ok,
        sealer=sealer,
        by=by,
        now=now,
        real_now=real_now,
    )


def _let_go(session: Session, by: Actor) -> None:
    """Clear the keys of a person's tests that are over: they save now."""
    kept = sa.select(PsaQuestion).where(
        PsaQuestion.kind == KIND, PsaQuestion.state.not_in(questions.OPEN), PsaQuestion.sealed.is_not(None)
    )
    for question in session.scalars(kept):
        if question.asked["by"]["person_id"] == by.person_id:
            question.sealed = None


def answer_test(asked: Asked, *, open_session: OpenSession, sealer: Sealer, now: datetime) -> dict[str, Any]:
    """Test a connection as asked, noting each line, and store it where wanted. For a worker, without a transaction.

    Raises:
        Refused: It cannot be used or stored; the sentence says why.
    """
    values = Values.from_json(asked.asked["values"])
    key = _key(asked, values, open_session, sealer)

    def watch(lines: list[Line]) -> None:
        asked.note({"lines": [asdict(line) for line in lines]})

    try:
        trial = try_connectwise(values, key, watch=watch)
    except Invalid as error:
        if "public_key" in error.fields:
            _forget(values.public_key, open_session)
        raise
    found = {"url": trial.url, "warnings": list(trial.warnings), "missing": len(trial.missing), "stored": False}
    if not asked.asked["save"]:
        return found | {questions.KEEPS_SECRET: asked.asked["typed_key"] and trial.can_sync}
    if not trial.can_sync:
        needed = ", ".join(f"“{right.name}”" for right in trial.missing if right.needed_to_read)
        raise Invalid(f"No sync works without {needed}. Give that to the role in ConnectWise, then save again.")
    _store(asked, trial, replace(values, url=trial.url), key, open_session, sealer, now)
    return found | {"stored": True}


def _forget(key: str, open_session: OpenSession) -> None:
    """Take a key out of what was typed as the public one: it may be the private one, which stands nowhere in clear."""
    with open_session() as session:
        for question in session.scalars(sa.select(PsaQuestion).where(PsaQuestion.kind == KIND)):
            values = question.asked["values"]
            if values["public_key"] == key:
                question.asked = {**question.asked, "values": {**values, "public_key": ""}}


def _key(asked: Asked, values: Values, open_session: OpenSession, sealer: Sealer) -> str:
    """Open the key that was typed, or the stored one, which goes nowhere else than where it is used."""
    if asked.sealed is not None:
        return sealer.open(asked.sealed)
    with open_session() as session:
        connection = connections.get_connectwise(session)
        if connection is None or connections.is_another_psa(connection, values.url, values.company):
            sentence = "Put in the private key: another address or company needs it anew."
            raise Invalid(sentence, {"private_key": sentence})
        return sealer.open(connection.sealed_private_key)


def _store(
    asked: Asked, trial: Trial, values: Values, key: str, open_session: OpenSession, sealer: Sealer, now: datetime
) -> None:
    """Store what passed, as the person who asked, if nobody stored another one meanwhile."""
    with open_session() as session:
        connection = connections.get_connectwise(session)
        seen = None if connection is None else connection.set_at.isoformat()
        if seen != asked.asked["seen"]:
            raise Conflict(
                "Somebody changed the connection meanwhile. Nothing was stored. Look at it, then save again."
            )
        connections.set_connectwise(
            session,
            url=trial.url,
            company=values.company,
            public_key=values.public_key,
            private_key=key if asked.asked["typed_key"] else None,
            client_id=values.client_id,
            allow_private=values.allow_private,
            ca_certificates=values.ca_certificates,
            key_expires=values.expiry,
            sealer=sealer,
            by=_who(session, asked.asked["by"]),
            now=now,
        )


def _who(session: Session, by: dict[str, Any]) -> Actor:
    """Give who asked, with the role that they have by now."""
    if by["person_id"] is None:
        return Actor(by["name"])
    person = session.get(Person, by["person_id"])
    if person is None or not person.active:
        raise NotFound("Whoever asked for this may not sign in any more. Nothing was stored.")
    return Actor(person.name, person.id, person.role, by["address"])
