"""What ConnectWise says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from portal.connectwise.callbacks import Callbacks
from portal.connectwise.payload import Row
from portal.connectwise.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemInfo:
    """The installation.

    Args:
        version: Its release, as "v2025.1.12345".
        cloud: Whether it runs in ConnectWise's cloud.
        time_zone: The server's time zone, in its own words.
    """

    version: str
    cloud: bool
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyInfo:
    """Where a company's tenant lives.

    Args:
        codebase: The path segment of its release, as "v2025_1", or "".
        site_url: The host of its API, or "".
        cloud: Whether it runs in ConnectWise's cloud.
        version: Its release, or "".
    """

    codebase: str
    site_url: str
    cloud: bool
    version: str


class System:
    """``/system`` and ``/login``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.callbacks = Callbacks(transport)

    def info(self) -> SystemInfo:
        """Read the installation's version: the cheapest call that needs valid keys.

        Raises:
            Rejected: The keys are refused (``unauthorized``) or may not read it (``forbidden``).
        """
        answer = self._transport.get("/system/info")
        row = Row(answer.value, "system information", answer.request_id)
        return SystemInfo(version=row.text("version"), cloud=row.flag("isCloud"), time_zone=row.text("serverTimeZone"))

    def me(self) -> str:
        """Read the identifier of the API member that the keys belong to (assumption: its account tells it).

        Raises:
            Rejected: This release does not tell (``missing``), or the role may not read it (``forbidden``).
        """
        answer = self._transport.get("/system/myAccount")
        row = Row(answer.value, "account", answer.request_id)
        return row.text("identifier") or row.text("memberIdentifier")

    def company_info(self, company: str) -> CompanyInfo:
        """Read where a company's tenant lives; no key is sent.

        Raises:
            Rejected: ConnectWise knows no such company.
            UnexpectedPayload: The site is no ConnectWise.
        """
        answer = self._transport.get_open(f"/login/companyinfo/{quote(company, safe='')}")
        row = Row(answer.value, "company information", answer.request_id)
        return CompanyInfo(
            codebase=row.text("Codebase").strip("/ "),
            site_url=row.text("SiteUrl"),
            cloud=row.flag("IsCloud"),
            version=row.text("VersionCode"),
        )
