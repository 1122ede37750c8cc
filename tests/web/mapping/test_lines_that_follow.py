"""What the mapping pages keep ready never says what no longer holds, and nothing is done by it that no longer holds."""

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.db.records import AccountMapping, PsaCompany, PsaProduct
from portal.services import account_lines
from tests.support.visitor import Visitor
from tests.web.looking import attribute, one, words
from tests.web.mapping.conftest import EARLIER, Stage

SignIn = Callable[[str], Visitor]


def unmapped_by_command(app: Flask) -> list[str]:
    """Give the ids that `mapping unmapped` lists."""
    told = app.test_cli_runner().invoke(args=["mapping", "unmapped"]).output
    return [line.split(",")[2] for line in told.splitlines()[1:]]


def left_out(stage: Stage, external_id: str, until: date) -> None:
    stage.session.add(
        AccountMapping(
            vendor_id=stage.vendor.id, account_external_id=external_id, account_name="", state="excluded",
            reason="trial", excluded_as="trial", excluded_until=until, how="person", decided_by="M", decided_at=EARLIER,
        )
    )  # fmt: skip
    stage.session.commit()


def test_an_account_whose_exclusion_is_past_is_unmapped_on_the_page_too_without_a_worker(
    month: Stage, signed_in_as: SignIn, app: Flask
) -> None:
    month.an_account("t-9", "Trial Of Ours", units="7")
    left_out(month, "t-9", date(2026, 10, 27))
    biller = signed_in_as("biller")

    assert "t-9" in unmapped_by_command(app)
    page = biller.get("/mapping/accounts").get_data(as_text=True)
    assert "Trial Of Ours" in page
    assert "Trial Of Ours" not in biller.get("/mapping/accounts?state=excluded").get_data(as_text=True)


def test_an_exclusion_holds_on_its_last_day(month: Stage, signed_in_as: SignIn, app: Flask) -> None:
    month.an_account("t-9", "Trial Of Ours", units="7")
    left_out(month, "t-9", date(2026, 10, 28))
    biller = signed_in_as("biller")

    assert "t-9" not in unmapped_by_command(app)
    assert "Trial Of Ours" in biller.get("/mapping/accounts?state=excluded").get_data(as_text=True)


def test_a_product_is_suggested_no_more_under_the_id_that_it_had(month: Stage, signed_in_as: SignIn) -> None:
    month.a_product(900, "ZED-1")
    month.a_service("ZED-1", name="Zed Backup")
    month.an_account("z-1", "Zed", service="ZED-1")
    month.session.commit()
    biller = signed_in_as("biller")
    assert "ZED-1" in words(one(Visitor.page(biller.get("/mapping/services?q=zed")), "tbody"))

    month.session.execute(sa.update(PsaProduct).where(PsaProduct.id == 900).values(identifier="QQQ-7"))
    month.session.commit()

    assert 'value="ZED-1"' not in biller.get("/mapping/services/preview?all=1&least=1").get_data(as_text=True)


def suggested_form(visitor: Visitor) -> dict[str, list[str]]:
    """Give what the form that accepts all suggestions would send."""
    page = Visitor.page(visitor.get("/mapping/accounts/suggested"))
    found: dict[str, list[str]] = {}
    for field in page.select("form[method=post][action='/mapping/accounts/suggested'] input"):
        if field["name"] != "csrf_token":
            found.setdefault(attribute(field, "name"), []).append(attribute(field, "value"))
    return found


@pytest.mark.parametrize("gone", [{"in_scope": False}, {"in_scope": False, "deleted": True}])
def test_a_company_that_has_left_is_accepted_for_nobody_while_a_worker_is_behind(
    month: Stage, signed_in_as: SignIn, monkeypatch: pytest.MonkeyPatch, gone: dict[str, bool]
) -> None:
    biller = signed_in_as("biller")
    before = suggested_form(biller)
    assert before["account_id"]
    monkeypatch.setattr(account_lines, "_FEW", 0)  # so many accounts that no page sees to its lines itself

    month.session.execute(sa.update(PsaCompany).where(PsaCompany.id == 214).values(**gone))
    month.session.commit()
    after = suggested_form(biller)
    answer = biller.post("/mapping/accounts/suggested", before)

    assert "account_id" not in after
    assert answer.status_code == 409
    assert "The suggestions have changed since you looked." in answer.get_data(as_text=True)
