"""Every address of the portal stands in `docs/interfaces.md`, where others look what they may rely on."""

import re

from flask import Flask

from portal.config import ROOT

PAGE = ROOT / "docs" / "interfaces.md"
ADDRESS = re.compile(r"`(?:(?:GET|POST) )?(/[^`\s]*)`")


def told(words: str) -> set[str]:
    """Give the addresses of a text, what stands in them as `<>`; `/x/<id>/a|b` is two of them."""
    found: set[str] = set()
    for address in ADDRESS.findall(words):
        first, *others = nameless(address.partition("?")[0]).split("|")
        folder = first.rpartition("/")[0]
        found |= {first, *(other if other.startswith("/") else f"{folder}/{other}" for other in others)}
    return {address.rstrip("/") or "/" for address in found}


def nameless(address: str) -> str:
    return re.sub(r"<[^>]*>", "<>", address)


def test_every_address_stands_on_the_page_of_names(app: Flask) -> None:
    known = told(PAGE.read_text(encoding="utf-8"))
    addresses = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"}

    assert sorted(address for address in addresses if (nameless(address).rstrip("/") or "/") not in known) == []


def test_an_address_is_told_alone_or_with_others_of_its_folder() -> None:
    words = "`/cards?show=all|stale`, `POST /cards/<id>/approve|undo`, `/held/<key>|<key>/release` and `make test`"

    assert told(words) == {"/cards", "/cards/<>/approve", "/cards/<>/undo", "/held/<>", "/held/<>/release"}
