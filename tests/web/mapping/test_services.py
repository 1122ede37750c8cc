"""Mapping vendor services: products, factors, and how several make one; split rules."""

from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaAgreement, ServiceMapping, SplitPart, SplitRule, VendorService
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.looking import one, words
from tests.web.mapping.conftest import EARLIER, Stage

SignIn = Callable[[str], Visitor]


def service(session: Session, external_id: str, term: str = "") -> int:
    found = session.scalars(
        sa.select(VendorService.id).where(VendorService.external_id == external_id, VendorService.term == term)
    ).one()
    session.rollback()
    return found


def feeds_of(session: Session, external_id: str, term: str = "") -> list[tuple[str, Decimal]] | str | None:
    session.expire_all()
    row = session.scalars(
        sa.select(ServiceMapping).where(ServiceMapping.service_external_id == external_id, ServiceMapping.term == term)
    ).one_or_none()
    found: list[tuple[str, Decimal]] | str | None = None
    if row is not None:
        found = "excluded" if row.state == "excluded" else [(each.product, each.factor) for each in row.products]
    session.rollback()
    return found


@pytest.fixture
def offers(stage: Stage) -> Stage:
    """Office in two terms feeds one product; storage is unmapped; a bundle is in the catalogue."""
    stage.a_company(214, "Halyard Freight")
    stage.a_product(1, "OFFICE-STD")
    stage.a_product(2, "BKP-TB", price="39.00")
    stage.a_product(3, "BKP-PACK", kind="Bundle")
    for term in ("Annual", "Monthly"):
        stage.feeds(stage.a_service("SKY-1", term=term, name="Office"), ("OFFICE-STD", "1"))
    halyard = stage.an_account("t-1", "Halyard Freight", units=None)
    stage.mapped(halyard, 214)
    stage.count(halyard, "SKY-1", "44", term="Annual")
    stage.count(halyard, "SKY-1", "11", term="Monthly")
    stage.count(halyard, "GB", "1500")
    stage.session.commit()
    return stage


def test_a_service_shows_its_term_and_how_several_make_one_product(offers: Stage, signed_in_as: SignIn) -> None:
    page = Visitor.page(signed_in_as("viewer").get("/mapping/services?state=mapped"))
    row = words(one(page, f"#service-{service(offers.session, 'SKY-1', 'Annual')}"))

    assert "Office, annual" in row
    assert "44 Office annual + 11 Office monthly = 55" in row
    assert "OFFICE-STD" in row


@pytest.mark.usefixtures("offers")
def test_the_unmapped_services_are_counted_and_listed(signed_in_as: SignIn) -> None:
    page = Visitor.page(signed_in_as("biller").get("/mapping/services"))

    assert "0 accounts and 1 service, 1,500 units." in words(one(page, ".head"))
    assert len(page.select("#services tbody")) == 1
    assert "Choose a product…" in words(one(page, "#services tbody"))


def test_the_search_finds_products_by_id_and_words_and_no_bundle(offers: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    service_id = service(offers.session, "GB")

    part = biller.get(f"/mapping/products?service={service_id}&q=bkp", swapping=f"products-{service_id}")

    assert [button["value"] for button in Visitor.page(part).select("button")] == ["BKP-TB"]


def test_a_product_is_added_with_a_factor_and_saved(offers: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    service_id = service(offers.session, "GB")

    form = Visitor.page(biller.post(f"/mapping/services/{service_id}/map", {"add": "BKP-TB"}))
    assert one(form, "input[name=product]")["value"] == "BKP-TB"
    assert one(form, "input[name=factor]")["value"] == "1"
    assert feeds_of(offers.session, "GB") is None
    answer = biller.post(
        f"/mapping/services/{service_id}/map",
        {"product": "BKP-TB", "factor": "0.001", "save": "1", "seen": "unmapped"},
        swapping=f"service-{service_id}",
    )

    row = words(one(Visitor.page(answer), f"#service-{service_id}"))
    assert "Mapped to BKP-TB. 1,500 units reach the board: 1 card." in row
    assert "\N{MULTIPLICATION SIGN} 0.001" in row
    assert "1,500 GB \N{MULTIPLICATION SIGN} 0.001 = 1.5" in row
    assert feeds_of(offers.session, "GB") == [("BKP-TB", Decimal("0.001"))]


def test_a_service_may_feed_several_products(offers: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    service_id = service(offers.session, "GB")
    fields = {"product": ["BKP-TB", "OFFICE-STD"], "factor": ["0.5", ""], "save": "1"}

    answer = biller.post(f"/mapping/services/{service_id}/map", fields)

    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(f"#service-{service_id}")
    assert feeds_of(offers.session, "GB") == [("BKP-TB", Decimal("0.5")), ("OFFICE-STD", Decimal(1))]


@pytest.mark.parametrize("factor", ["0,5", "-1", "0", "x", "1e9", "0.0000000001", "10000000"])
def test_a_wrong_factor_is_refused_at_its_field_and_kept(offers: Stage, signed_in_as: SignIn, factor: str) -> None:
    biller = signed_in_as("biller")
    service_id = service(offers.session, "GB")

    answer = biller.post(f"/mapping/services/{service_id}/map", {"product": "BKP-TB", "factor": factor, "save": "1"})

    assert answer.status_code == 422
    field = one(Visitor.page(answer), "input[name=factor]")
    assert (field["value"], field["aria-invalid"]) == (factor, "true")
    assert feeds_of(offers.session, "GB") is None


def test_no_product_or_one_that_the_catalogue_lacks_is_refused(offers: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    path = f"/mapping/services/{service(offers.session, 'GB')}/map"

    assert biller.post(path, {"save": "1"}).status_code == 422
    assert biller.post(path, {"product": "NOPE", "factor": "1", "save": "1"}).status_code == 422
    assert feeds_of(offers.session, "GB") is None


def test_a_service_is_excluded_and_included_again(offers: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    service_id = service(offers.session, "GB")

    assert biller.post(f"/mapping/services/{service_id}/exclude", {"reason": " "}).status_code == 422
    biller.post(f"/mapping/services/{service_id}/exclude", {"reason": "free trial", "seen": "unmapped"})
    assert feeds_of(offers.session, "GB") == "excluded"
    biller.post(f"/mapping/services/{service_id}/undo", {"seen": "excluded"})

    assert feeds_of(offers.session, "GB") is None


def test_a_service_that_somebody_changed_meanwhile_is_a_conflict(offers: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    service_id = service(offers.session, "SKY-1", "Annual")

    answer = biller.post(
        f"/mapping/services/{service_id}/map",
        {"product": "BKP-TB", "factor": "1", "save": "1", "seen": "unmapped"},
    )

    assert answer.status_code == 409
    assert "Marcus has mapped “Office” to OFFICE-STD." in words(Visitor.page(answer))
    assert feeds_of(offers.session, "SKY-1", "Annual") == [("OFFICE-STD", Decimal(1))]


def test_a_product_gone_from_the_catalogue_needs_attention(offers: Stage, signed_in_as: SignIn) -> None:
    offers.feeds(offers.a_service("GB"), ("LOST", "1"))
    offers.session.commit()

    page = Visitor.page(signed_in_as("viewer").get("/mapping/services?state=attention"))

    assert "The catalogue has no product with this ID." in words(one(page, "#services"))


def test_a_viewer_finds_no_form_and_missing_services_are_not_found(offers: Stage, signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")
    path = f"/mapping/services/{service(offers.session, 'GB')}"

    main = one(Visitor.page(viewer.get("/mapping/services?state=all")), "main")
    assert not main.select("#services form, #services button")
    for verb in ("map", "exclude", "undo"):
        assert viewer.post(f"{path}/{verb}", {"save": "1"}).status_code == 403
    biller = signed_in_as("biller")
    assert biller.get("/mapping/services/999").status_code == 404
    assert biller.post("/mapping/services/999/undo", {}).status_code == 404
    assert biller.get("/mapping/products?service=999&q=a").status_code == 404


def test_the_filter_swaps_only_the_services_and_names_what_it_does_not_know(
    offers: Stage, signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    url = f"/mapping/services?state=all&vendor={offers.vendor.slug}&q=gb"

    fragment, whole = Visitor.page(biller.get(url, swapping="services")), Visitor.page(biller.get(url))

    assert not fragment.select("html")
    assert words(one(fragment, "#services")) == words(one(whole, "#services"))
    assert "state=lost" in words(Visitor.page(biller.get("/mapping/services?state=lost")))


def test_names_with_markup_show_as_text_and_more_rows_need_no_more_queries(stage: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    counted = []
    for batch in range(2):
        account = stage.an_account("t", "A", vendor=stage.a_vendor(f"Vendor {batch}"))
        for number in range(20):
            stage.count(account, f"<b>{batch}-{number}</b>", "1")
        stage.session.commit()
        biller.get("/mapping/services")  # the lines of a new file are made once
        with counted_queries() as queries:
            answer = biller.get("/mapping/services")
        counted.append(len(queries))

    assert counted[0] == counted[1]
    assert "<b>0-1</b>" not in answer.get_data(as_text=True)
    assert "<b>0-1</b>" in words(Visitor.page(answer))


def test_split_rules_are_listed_with_what_they_share(stage: Stage, signed_in_as: SignIn) -> None:
    stage.a_company(1, "<i>Pemberly</i>")
    for agreement_id, name in ((10, "Managed Services"), (11, "Voice")):
        stage.session.add(PsaAgreement(id=agreement_id, name=name, company_id=1, cancelled=agreement_id == 11))
    stage.session.add(
        SplitRule(
            company_id=1, product="MAIL-ARCH", rest_to=11, set_by="Dana", set_at=EARLIER,
            parts=[SplitPart(agreement_id=10, quantity=Decimal(5))],
        )
    )  # fmt: skip
    stage.session.commit()
    viewer = signed_in_as("viewer")

    row = words(one(Visitor.page(viewer.get("/mapping/splits")), "table tbody"))

    assert "<i>Pemberly</i>" in row
    assert "5 to Managed Services 10" in row
    assert "The rest to Voice 11" in row
    assert "cancelled" in row


@pytest.mark.usefixtures("stage")
def test_without_split_rules_the_page_says_where_they_are_made(session: Session, signed_in_as: SignIn) -> None:
    session.commit()

    assert "No count is shared by a rule." in words(Visitor.page(signed_in_as("viewer").get("/mapping/splits")))
