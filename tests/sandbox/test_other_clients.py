"""Clients that others wrote, as they are, at work on the sandbox.

Both are published under the MIT licence: connectpyse, which ends every list's address with a slash, and
connectpyse-manage, which writes arguments in lower case and follows pages by counting first.
"""

import base64
import sys

import pytest

# connectpyse puts its own folder first on the path for imports; nothing else is to be found there by accident
PATHS = list(sys.path)
from connectpyse.company.companies_api import CompaniesAPI  # type: ignore[import-untyped]  # noqa: E402
from connectpyse.finance.agreement_addition import AgreementAddition  # type: ignore[import-untyped]  # noqa: E402
from connectpyse.finance.agreement_additions_api import (  # type: ignore[import-untyped]  # noqa: E402
    AgreementAdditionsAPI,
)
from connectpyse.finance.agreements_api import AgreementsAPI  # type: ignore[import-untyped]  # noqa: E402
from connectpyse.restapi import ApiError  # type: ignore[import-untyped]  # noqa: E402
from connectpyse.service.ticket import Ticket  # type: ignore[import-untyped]  # noqa: E402
from connectpyse.service.tickets_api import TicketsAPI  # type: ignore[import-untyped]  # noqa: E402
from connectpyse.system.callback import Callback  # type: ignore[import-untyped]  # noqa: E402
from connectpyse.system.callbacks_api import CallbacksAPI  # type: ignore[import-untyped]  # noqa: E402
from connectwise import ConnectWiseClient  # type: ignore[import-untyped]  # noqa: E402
from connectwise.exceptions import (  # type: ignore[import-untyped]  # noqa: E402
    ConnectWiseAPIError,
    ConnectWiseAuthenticationError,
    ConnectWiseBadRequestError,
)

from portal.sandbox.server import Running  # noqa: E402
from tests.sandbox.caller import CLIENT, SECRETS  # noqa: E402
from tests.sandbox.definition import BASE  # noqa: E402

sys.path[:] = PATHS


def told(sandbox: Running) -> dict[str, object]:
    """What connectpyse is told: the address, and the headers that it sends."""
    pair = base64.b64encode(b"sandbox+portal:portal-secret").decode()
    return {
        "url": f"{sandbox.base_url}{BASE}",
        "auth": {"Authorization": f"Basic {pair}", "clientId": CLIENT},
        "ensure_ascii": False,
    }


def manage(sandbox: Running, secret: str = SECRETS["portal"]) -> ConnectWiseClient:
    return ConnectWiseClient(
        base_url=sandbox.base_url, client="sandbox", username="portal", password=secret, client_id=CLIENT, max_retries=0
    )


def test_connectpyse_reads_lists_by_page_condition_and_order(sandbox: Running) -> None:
    agreements = AgreementsAPI(**told(sandbox))
    assert agreements.get_agreements_count() == 5
    assert agreements.get_agreement_by_id(42).agreementStatus == "Expired"

    agreements.conditions = "cancelledFlag = False and startDate < [2031-01-01T00:00:00Z]"
    agreements.orderBy = "id desc"
    agreements.pageSize, agreements.page = 2, 2
    assert [row.id for row in agreements.get_agreements()] == [42, 40]

    companies = CompaniesAPI(**told(sandbox))
    companies.childconditions = "types/id = 2"
    companies.fields = "id,name"
    assert [row.to_json()["name"] for row in companies.get_companies()] == ["Umbra & Sons"]


def test_connectpyse_adds_and_changes_an_addition(sandbox: Running) -> None:
    additions = AgreementAdditionsAPI(40, **told(sandbox))
    line = AgreementAddition(
        {"product": {"id": 71}, "billCustomer": "Billable", "quantity": 3, "effectiveDate": "2031-03-10T00:00:00Z"}
    )

    made = additions.create_agreement_addition(line)
    changed = additions.update_agreement_addition_multiple_keys(
        made.id, {"quantity": 5, "cancelledDate": "2031-04-30T00:00:00Z"}
    )

    assert made.extPrice == 30
    assert (changed.quantity, changed.cancelledDate) == (5, "2031-04-30T00:00:00Z")
    assert additions.get_agreement_additions_count() == 3
    with pytest.raises(ApiError, match="400"):
        additions.update_agreement_addition(made.id, "billCustomer", "Sometimes")
    with pytest.raises(ApiError, match="403"):
        additions.delete_agreement_addition_by_id(made.id)


def test_connectpyse_makes_a_ticket_and_a_callback(sandbox: Running) -> None:
    ticket = TicketsAPI(**told(sandbox)).create_ticket(Ticket({"summary": "Seats differ", "company": {"id": 5}}))
    assert (ticket.board["name"], ticket.company["identifier"]) == ("Service Desk", "Umbra")

    callbacks = CallbacksAPI(**told(sandbox))
    made = callbacks.create_callback(
        Callback({"url": "https://portal.example/", "type": "agreement", "level": "owner", "objectId": 1})
    )
    assert [row.url for row in callbacks.get_callbacks()] == [made.url] == ["https://portal.example/"]


def test_connectpyse_manage_follows_all_pages(sandbox: Running) -> None:
    client = manage(sandbox)

    rows = client.get_all("finance/agreements", pagesize=2, orderby="name desc", fields="id,name")

    assert [row["id"] for row in rows] == [42, 40, 43, 44, 41]
    assert client.get_agreement_count(conditions='name like "O%"') == 2
    assert client.get_agreement(40).name == "Open"
    assert client.get_agreement(999) is None
    assert client.get("company/companies", childconditions="types/id=2", fields="id") == [{"id": 5}]


def test_connectpyse_manage_patches_and_posts(sandbox: Running) -> None:
    client = manage(sandbox)
    lines = "finance/agreements/40/additions"

    made = client.post(lines, {"product": {"identifier": "SEAT"}, "billCustomer": "Billable"})
    changed = client.patch(lines, made["id"], [{"op": "replace", "path": "/quantity", "value": 4.5}])

    assert (changed["quantity"], changed["extPrice"]) == (4.5, 45)
    with pytest.raises(ConnectWiseBadRequestError, match="addition object is invalid"):
        client.post(lines, {"product": {"id": 73}, "billCustomer": "Billable"})
    with pytest.raises(ConnectWiseAPIError, match="permission"):
        client.patch("company/companies", 5, [{"op": "replace", "path": "name", "value": "x"}])
    with pytest.raises(ConnectWiseAuthenticationError):
        manage(sandbox, "wrong").get("system/info")
