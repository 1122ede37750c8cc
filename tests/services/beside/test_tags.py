"""Tags on companies and products: found again on cards, renamed, merged, deleted, audited."""

import pytest
import sqlalchemy as sa

from portal.db.records import Card
from portal.services import tags
from portal.services.actors import COMMAND_LINE
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.services.tags import Carriers
from tests.support.desk import BILLER, NOW, VIEWER, Desk

TWO = Carriers(companies=(1001, 1004))


def put(desk: Desk, name: str, to: Carriers) -> int:
    with desk.open_session() as session:
        tags.put_on(session, name, to, by=BILLER, now=NOW)
        return next(one.id for one in tags.counted(session) if tags.fold(one.name) == tags.fold(name))


def tagged(desk: Desk, tag: str) -> set[tuple[int, str]]:
    with desk.open_session() as session:
        rows = session.execute(sa.select(Card.company_id, Card.product).where(tags.condition(tag)))
        return {(company, product) for company, product in rows}


def test_cards_are_found_by_the_tag_of_their_company_or_product(desk: Desk) -> None:
    product = desk.card(1001).product
    put(desk, "VIP", TWO)
    put(desk, "Seats", Carriers(products=(product,)))

    assert {company for company, _ in tagged(desk, "vip")} == {1001, 1004}
    assert {name for _, name in tagged(desk, "  SEATS ")} == {product}
    assert tagged(desk, "nobody made it") == set()
    with desk.open_session() as session:
        assert tags.of_companies(session, [1001, 1044]) == {1001: ["VIP"]}
        assert tags.of_products(session, [product, "AV"]) == {product: ["Seats"]}


def test_tagging_again_changes_nothing_and_tells_nothing(desk: Desk) -> None:
    put(desk, "VIP", TWO)
    put(desk, "vip", Carriers(companies=(1001,)))

    assert [(one.action, one.details.get("companies")) for one in desk.events("tag.make", "tag.put")] == [
        ("tag.make", None),
        ("tag.put", [1001, 1004]),
    ]


def test_a_tag_is_taken_off_some(desk: Desk) -> None:
    tag_id = put(desk, "VIP", TWO)
    with desk.open_session() as session:
        off = tags.take_off(session, tag_id, Carriers(companies=(1004, 1044)), by=BILLER, now=NOW)

        assert off == Carriers(companies=(1004,))
        assert tags.carriers(session, tag_id) == Carriers(companies=(1001,))
    (event,) = desk.events("tag.take")
    assert (event.before, event.after, event.company_id) == ("VIP", None, 1004)


def test_a_tag_is_renamed_unless_another_has_the_word(desk: Desk) -> None:
    tag_id = put(desk, "VIP", TWO)
    put(desk, "School", Carriers(companies=(1044,)))
    with desk.open_session() as session:
        tags.rename(session, tag_id, "Very important", by=BILLER, now=NOW)
        with pytest.raises(Conflict, match="There is a tag “School” already"):
            tags.rename(session, tag_id, "SCHOOL", by=BILLER, now=NOW)
    assert len(tagged(desk, "very important")) >= 2
    assert desk.events("tag.rename")[0].before == "VIP"


def test_a_merged_tag_passes_its_carriers_on(desk: Desk) -> None:
    one = put(desk, "VIP", TWO)
    other = put(desk, "Important", Carriers(companies=(1004, 1044)))
    with desk.open_session() as session:
        tags.merge(session, one, other, by=BILLER, now=NOW)

        assert tags.carriers(session, other).companies == (1001, 1004, 1044)
        assert tags.names(session) == ["Important"]
        with pytest.raises(NotFound):
            tags.merge(session, one, other, by=BILLER, now=NOW)
        with pytest.raises(Invalid, match="into itself"):
            tags.merge(session, other, other, by=BILLER, now=NOW)
    assert (desk.events("tag.merge")[0].before, desk.events("tag.merge")[0].after) == ("VIP", "Important")


def test_a_tag_is_deleted_as_its_preview_said(desk: Desk) -> None:
    tag_id = put(desk, "VIP", TWO)
    with desk.open_session() as session:
        with pytest.raises(Conflict, match="is on 2 companies by now"):
            tags.delete(session, tag_id, seen=1, by=BILLER, now=NOW)
        tags.delete(session, tag_id, seen=2, by=BILLER, now=NOW)

        assert tags.names(session) == []
    (event,) = desk.events("tag.delete")
    assert (event.before, event.details["companies"]) == ("VIP", [1001, 1004])


@pytest.mark.parametrize("name", ["", "   ", "a,b", "a;b", "a|b", "x" * 41, "\0"])
def test_a_tag_is_one_short_word_or_a_few(desk: Desk, name: str) -> None:
    with desk.open_session() as session, pytest.raises(Invalid):
        tags.put_on(session, name, TWO, by=COMMAND_LINE, now=NOW)


def test_viewers_only_read_tags(desk: Desk) -> None:
    tag_id = put(desk, "VIP", TWO)
    with desk.open_session() as session:
        for refused in (
            lambda: tags.put_on(session, "x", TWO, by=VIEWER, now=NOW),
            lambda: tags.take_off(session, tag_id, TWO, by=VIEWER, now=NOW),
            lambda: tags.rename(session, tag_id, "x", by=VIEWER, now=NOW),
            lambda: tags.merge(session, tag_id, tag_id, by=VIEWER, now=NOW),
            lambda: tags.delete(session, tag_id, by=VIEWER, now=NOW),
        ):
            with pytest.raises(NotAllowed, match="Viewers can read this"):
                refused()
