import pytest

from portal.connectwise.address import Address, check, check_ip, is_private, normalise, with_codebase
from portal.connectwise.errors import AddressRefused, Unreachable


@pytest.mark.parametrize(
    ("pasted", "base"),
    [
        ("api-na.myconnectwise.net", "https://api-na.myconnectwise.net/v4_6_release/apis/3.0"),
        ("  https://API-EU.myconnectwise.net/ ", "https://api-eu.myconnectwise.net/v4_6_release/apis/3.0"),
        ("https://na.myconnectwise.net", "https://api-na.myconnectwise.net/v4_6_release/apis/3.0"),
        ("https://psa.example.com:8443", "https://psa.example.com:8443/v4_6_release/apis/3.0"),
        ("https://psa.example.com:443", "https://psa.example.com/v4_6_release/apis/3.0"),
        ("https://psa.example.com/v2025_1", "https://psa.example.com/v2025_1/apis/3.0"),
        ("psa.example.com/v4_6_release/apis/3.0/", "https://psa.example.com/v4_6_release/apis/3.0"),
        ("https://example.com/psa/v4_6_release", "https://example.com/psa/v4_6_release/apis/3.0"),
        (
            "https://na.myconnectwise.net/v4_6_release/ConnectWise.aspx?locale=en_US#start",
            "https://api-na.myconnectwise.net/v4_6_release/apis/3.0",
        ),
        (
            "https://psa.example.com/v2025_1/services/system_io/router/openrecord.rails?x=1",
            "https://psa.example.com/v2025_1/apis/3.0",
        ),
        (
            "https://psa.example.com/v4_6_release/apis/3.0/company/companies",
            "https://psa.example.com/v4_6_release/apis/3.0",
        ),
        ("staging.connectwisedev.com", "https://staging.connectwisedev.com/v4_6_release/apis/3.0"),
        ("https://bücher.example", "https://xn--bcher-kva.example/v4_6_release/apis/3.0"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/v4_6_release/apis/3.0"),
    ],
)
def test_people_paste_the_site_or_the_whole_base(pasted: str, base: str) -> None:
    assert normalise(pasted).base == base


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        ("", "Type ConnectWise's address"),
        ("https://", "names no host"),
        ("ftp://psa.example.com", "begin with https"),
        ("http://psa.example.com", "keys could be read"),
        ("https://me:secret@psa.example.com", "user name and password"),
        ("https://psa.example.com/?a=b", r"\?"),
        ("https://psa.example.com/#top", "#"),
        ("https://psa.example.com:99999", "form https://host"),
        ("https://psa.example.com/ConnectWise.aspx", "path"),
        ("https://psa.example.com/../v4_6_release", "path"),
        ("https://psa.example.com/apis/3.0", "lacks the release"),
        ("https://psa.example.com/release/apis/3.0", "no release"),
        ("https://bad host", "names no host"),
        ("https://[::1", "form https://host"),
        ("https://psa.example.com/v4_6_release/../admin", "path"),
        ("https://psa..example.ü", "names no host"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(pasted: str, why: str) -> None:
    with pytest.raises(AddressRefused, match=why):
        normalise(pasted)


def test_a_refused_address_never_repeats_the_password_in_it() -> None:
    with pytest.raises(AddressRefused) as caught:
        normalise("https://me:hunter2@psa.example.com")

    assert "hunter2" not in str(caught.value)


def test_http_is_for_a_network_of_ones_own() -> None:
    address = normalise("http://127.0.0.1:8091", allow_private=True)

    assert address.base == "http://127.0.0.1:8091/v4_6_release/apis/3.0"


def test_the_code_base_that_the_site_tells_is_taken() -> None:
    address = normalise("api-na.myconnectwise.net")

    assert with_codebase(address, "v2025_1/").base == "https://api-na.myconnectwise.net/v2025_1/apis/3.0"
    assert with_codebase(address, "../admin") == address
    assert with_codebase(address, "") == address


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.4.4", "100.64.0.1", "::1", "fd00::1", "::ffff:127.0.0.1",
        "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "0.0.0.0",  # noqa: S104 - the case
        "169.254.169.254", "fe80::1%eth0", "224.0.0.1", "::7f00:1", "64:ff9b:1::1", "2001:0:7f00:1::", "240.0.0.1",
        "168.63.129.16", "fec0::1",
    ],
)  # fmt: skip
def test_an_address_inside_the_own_network_is_refused(ip: str) -> None:
    with pytest.raises(AddressRefused, match="leads to"):
        check_ip(ip, "psa.example.com")


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "::1", "8.8.8.8"])
def test_private_addresses_may_be_allowed(ip: str) -> None:
    check_ip(ip, "psa.example.com", allow_private=True)


@pytest.mark.parametrize(
    "ip",
    [
        "169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::ffff:169.254.169.254",  # noqa: S104 - the case
        "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    ],
)  # fmt: skip
def test_link_local_addresses_and_those_of_machines_keys_are_never_allowed(ip: str) -> None:
    with pytest.raises(AddressRefused, match="no ConnectWise"):
        check_ip(ip, "psa.example.com", allow_private=True)


def test_every_address_of_a_name_is_checked() -> None:
    address = Address("https", "psa.example.com", 443)

    check(address, resolver=lambda _host, _port: ["93.184.216.34"])
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        check(address, resolver=lambda _host, _port: ["93.184.216.34", "10.0.0.1"])
    assert is_private(address, resolver=lambda _host, _port: ["10.0.0.1"])
    assert not is_private(address, resolver=lambda _host, _port: ["93.184.216.34"])


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "localhost"])
def test_an_address_in_other_clothes_is_known_by_where_it_leads(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1|::1"):
        check(normalise(f"https://{host}"))


@pytest.mark.parametrize("host", ["2852039166", "0xA9FEA9FE", "0251.0376.0251.0376"])
def test_a_machines_keys_are_not_asked_for_in_other_clothes_either(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"169\.254\.169\.254"):
        check(normalise(f"https://{host}"), allow_private=True)


def test_an_unknown_name_is_unreachable() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError(host, port)

    address = Address("https", "psa.example.com", 443)
    with pytest.raises(Unreachable, match="No machine named psa"):
        check(address, resolver=nobody)
    assert not is_private(address, resolver=nobody)
