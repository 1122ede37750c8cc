"""Wrong tries hold up the place they come from, never the person they are about."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.services import known_browsers, throttling
from portal.services.throttling import Throttled
from tests.support.people import a_person

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
EMAIL = "biller@fennimore.example"


def wrong(
    session: Session, times: int, *, at: datetime = NOW, address: str = "10.0.0.1", email: str = EMAIL,
    browser: int | None = None, kind: str = "password",
) -> int:  # fmt: skip
    """Try so many times; gives how many were let through to be looked at."""
    let_through = 0
    for _ in range(times):
        try:
            throttling.note_attempt(session, email=email, address=address, now=at, browser_id=browser, kind=kind)
        except Throttled:
            continue
        let_through += 1
    return let_through


def throttling_is_over(session: Session, *, at: datetime) -> bool:
    """Tell whether another try would be let through, without trying."""
    with session.begin_nested() as point:
        let_through = wrong(session, 1, at=at) == 1
        point.rollback()
    return let_through


def test_each_five_wrong_ones_in_a_row_make_the_wait_twice_as_long(session: Session) -> None:
    at, waits = NOW, []
    for _ in range(4):
        assert wrong(session, 6, at=at) == 5
        minutes = next(each for each in range(14, 300) if throttling_is_over(session, at=at + timedelta(minutes=each)))
        waits.append(minutes)
        at += timedelta(minutes=minutes)

    assert waits == [15, 30, 60, 120]


def test_no_wait_is_longer_than_four_hours(session: Session) -> None:
    at = NOW
    for _ in range(6):
        wrong(session, 5, at=at)
        at += throttling.LONGEST_WAIT

    assert wrong(session, 1, at=at) == 1


def test_the_right_one_ends_the_row(session: Session) -> None:
    wrong(session, 4)
    throttling.forget_attempts(session, email=EMAIL, address="10.0.0.1")

    assert wrong(session, 6) == 5


def test_a_stranger_cannot_lock_out_a_browser_that_is_known(session: Session) -> None:
    dana = a_person(session)
    token = known_browsers.remember(session, None, person_id=dana.id, now=NOW)
    browser = known_browsers.find(session, token, email=EMAIL, now=NOW)
    assert browser is not None
    for number in range(60):  # from Dana's own address as well as from elsewhere
        wrong(session, 5, address="10.0.0.1" if number == 0 else f"10.9.{number}.1")

    assert wrong(session, 1, address="10.77.0.1") == 0
    assert wrong(session, 1, address="10.0.0.1", browser=browser) == 1


def test_a_browser_that_is_known_has_only_so_many_tries_itself(session: Session) -> None:
    assert wrong(session, 9, browser=7) == 5
    assert wrong(session, 1, browser=7, address="10.0.0.99") == 0


def test_a_known_browser_is_so_for_its_own_people_alone(session: Session) -> None:
    dana, marcus = a_person(session), a_person(session, "manager")
    token = known_browsers.remember(session, None, person_id=dana.id, now=NOW)

    assert known_browsers.find(session, token, email=marcus.email, now=NOW) is None
    assert known_browsers.find(session, token, email="nobody@x.example", now=NOW) is None
    assert known_browsers.find(session, token, email=EMAIL, now=NOW + timedelta(days=181)) is None
    assert known_browsers.remember(session, token, person_id=marcus.id, now=NOW) == token
    assert known_browsers.find(session, token, email=marcus.email, now=NOW) is not None


def test_one_address_does_not_try_many_e_mails_nor_many_addresses_one(session: Session) -> None:
    assert sum(wrong(session, 5, email=f"p{n}@x.example") for n in range(12)) == throttling.TRIES_OF_ADDRESS
    assert sum(wrong(session, 5, address=f"10.1.{n}.1", email="one@x.example") for n in range(25)) == 100


def test_half_of_an_ipv6_address_is_one_place(session: Session) -> None:
    tried = sum(wrong(session, 1, address=f"2001:db8:1:2::{n:x}") for n in range(1, 9))

    assert tried == 5
    assert wrong(session, 1, address="2001:db8:1:3::1") == 1


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("::ffff:10.0.0.1", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), (None, None), ("odd", "odd"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)  # fmt: skip
def test_what_counts_of_an_address(address: str | None, place: str | None) -> None:
    assert throttling.place(address) == place


def test_passwords_and_codes_are_counted_apart(session: Session) -> None:
    assert wrong(session, 5) == 5
    assert wrong(session, 5, kind="code") == 5
    assert wrong(session, 1, kind="mail") == 1
