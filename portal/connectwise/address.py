"""Where ConnectWise is, from what people paste, and whether it may be called at all.

Whoever enters an address could point the portal at machines inside its own network. So private and
loopback addresses are refused unless an admin allows them, by every address a name resolves to, and
once more on the connection itself (``adapters.py``), since a name can change between the two.

Some addresses are refused even then: link-local ones, and those at which clouds hand out a machine's
own credentials to whoever asks from inside. No ConnectWise stands there, and an admin of the portal
need not be one of the machine.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.connectwise.errors import AddressRefused, Unreachable

DEFAULT_CODEBASE = "v4_6_release"
_CODEBASE = re.compile(r"v[\w.]{1,40}", re.ASCII)
_CLOUD_WEB_SITE = re.compile(r"(na|eu|au)\.myconnectwise\.net")
_PAGES = re.compile(r"v\d[\w.]*", re.ASCII | re.IGNORECASE)  # what a browser shows behind the site
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215: translators of a network of one's own
_MACHINE_KEYS = frozenset(
    ipaddress.ip_address(each)
    for each in (
        "169.254.169.254",  # most clouds; link-local, so refused anyway
        "fd00:ec2::254",  # Amazon, by IPv6
        "fd20:ce::254",  # Google, by IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's own server, at a public address
        "192.0.0.192",  # Oracle
    )
)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.?", re.ASCII)
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Address:
    """Where one ConnectWise answers.

    Args:
        scheme: ``https``, or ``http`` inside the own network.
        host: Host name or IP address, without brackets.
        port: The port, as given or the scheme's own.
        prefix: A path before the code base, as "/psa", or "".
        codebase: The path segment of the release, as "v4_6_release".
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    codebase: str = DEFAULT_CODEBASE

    @property
    def site(self) -> str:
        """The site, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.prefix}"

    @property
    def base(self) -> str:
        """The base of every path of the API, without a slash at its end."""
        return f"{self.site}/{self.codebase}/apis/3.0"


def normalise(text: str, *, allow_private: bool = False) -> Address:
    """Read a site or a full base as people paste it.

    Args:
        text: As ``na.myconnectwise.net``, ``https://psa.example.com`` or the full base. Without a
            scheme it is https. A cloud tenant's web site stands for its API host (``api-na…``). What a
            browser shows behind the site (``/v4_6_release/ConnectWise.aspx?…``) is left out.
        allow_private: Whether plain http may be used, which only a network of one's own excuses.

    Raises:
        AddressRefused: It is no such address; the text says why.
    """
    pasted = text.strip()
    if not pasted:
        raise AddressRefused("Type ConnectWise's address, for example api-na.myconnectwise.net.")
    try:
        parts = urlsplit(pasted if "://" in pasted else f"https://{pasted}")
        host, port = _ascii((parts.hostname or "").lower()), parts.port
    except ValueError:
        raise AddressRefused("This is not an address of the form https://host.") from None
    path, from_browser = _without_page(parts.path)
    if parts.scheme not in _PORTS:
        raise AddressRefused("The address must begin with https://.")
    if parts.scheme == "http" and not allow_private:
        raise AddressRefused(
            "The address must begin with https://: over http the keys could be read on the way. "
            "Inside your own network, allow private addresses."
        )
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("Leave the user name and password out of the address; the keys have own fields.")
    if (parts.query or parts.fragment) and not from_browser:
        raise AddressRefused("Leave out what follows the ? or # in the address.")
    if not (_HOST.fullmatch(host) or _is_ip(host)):
        raise AddressRefused("The address names no host.")
    if _CLOUD_WEB_SITE.fullmatch(host):
        host = f"api-{host}"
    prefix, codebase = _path(path)
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], prefix, codebase)


def with_codebase(address: Address, codebase: str) -> Address:
    """Return the address with the code base that ``/login/companyinfo`` told, if it is one."""
    found = codebase.strip("/ ")
    if not _CODEBASE.fullmatch(found):
        return address
    return Address(address.scheme, address.host, address.port, address.prefix, found)


Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """Return every IP address of a host name.

    Raises:
        OSError: The name is not known, or the name server did not answer.
    """
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def check(address: Address, *, allow_private: bool = False, resolver: Resolve = resolve) -> None:
    """Refuse an address that must not be called.

    Raises:
        AddressRefused: One of the host's addresses is private and that is not allowed.
        Unreachable: The host's name is not known.
    """
    try:
        found = resolver(address.host, address.port)
    except (OSError, UnicodeError):
        raise Unreachable(
            f"No machine named {address.host} was found. Check the address, then try again.", situation="dns"
        ) from None
    for each in found:
        check_ip(each, address.host, allow_private=allow_private)


def check_ip(text: str, host: str, *, allow_private: bool = False) -> None:
    """Refuse one IP address that must not be called.

    Link-local addresses are refused always: no PSA lives there, but cloud machines' own keys do.

    Raises:
        AddressRefused: It is private, loopback or special, and that is not allowed.
    """
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or _behind_nat64(ip) or ip
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _MACHINE_KEYS:
        raise AddressRefused(f"{host} leads to {ip}, where no ConnectWise can be. Correct the address.")
    inside = not ip.is_global or ip.is_reserved
    if isinstance(ip, ipaddress.IPv6Address):
        inside = inside or ip.is_site_local or ip in _LOCAL_NAT64
    if inside and not allow_private:
        raise AddressRefused(
            f"{host} leads to {ip}, an address inside a private network. "
            "If your ConnectWise stands there, allow private addresses."
        )


def _behind_nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Give the IPv4 address that a translator would call for an address of its well-known prefix (RFC 6052)."""
    return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else None


def is_private(address: Address, *, resolver: Resolve = resolve) -> bool:
    """Tell whether any of the host's addresses is inside a private network; unknown counts as no."""
    try:
        check(address, resolver=resolver)
    except AddressRefused:
        return True
    except Unreachable:
        return False
    return False


def _ascii(host: str) -> str:
    """Write a name in other letters as name servers know it (``xn--…``)."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return ""  # which names no host


def _without_page(path: str) -> tuple[str, bool]:
    """Cut what a browser shows behind the release, or what stands behind the base of the API.

    Returns:
        The path that is left, and whether a browser's page was cut off.
    """
    segments = [segment for segment in path.split("/") if segment]
    if ".." in segments:
        return path, False
    for place, segment in enumerate(segments):
        if segments[place : place + 2] == ["apis", "3.0"]:
            return "/".join(segments[: place + 2]), False
        behind = segments[place + 1 :]
        if behind and behind[0] != "apis" and _PAGES.fullmatch(segment):
            return "/".join(segments[: place + 1]), True
    return path, False


def _path(path: str) -> tuple[str, str]:
    """Split a path into what stands before the code base, and the code base."""
    segments = [segment for segment in path.split("/") if segment]
    if segments[-2:] == ["apis", "3.0"]:
        segments = segments[:-2]
        if not segments:
            raise AddressRefused("The address lacks the release, as in https://host/v4_6_release/apis/3.0.")
        if not _CODEBASE.fullmatch(segments[-1]):
            raise AddressRefused(f"“{segments[-1][:40]}” is no release of ConnectWise, as v4_6_release is.")
    if not segments:
        return "", DEFAULT_CODEBASE
    if not all(re.fullmatch(r"[\w.~-]+", segment, re.ASCII) for segment in segments) or ".." in segments:
        raise AddressRefused(_no_such_path(segments))
    if _CODEBASE.fullmatch(segments[-1]):
        return "".join(f"/{segment}" for segment in segments[:-1]), segments[-1]
    raise AddressRefused(_no_such_path(segments))


def _no_such_path(segments: Sequence[str]) -> str:
    shown = "/".join(segments)[:60]
    return f"“/{shown}” is a path that ConnectWise does not have. Leave it out: the site alone is enough."


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
