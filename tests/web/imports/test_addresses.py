"""The addresses of imports stand in the page of names that people rely on."""

import re
from pathlib import Path

from flask import Flask

NAMES = Path(__file__).parents[3] / "docs" / "interfaces.md"
_PLACE = re.compile(r"<[^>]*>")


def test_every_address_of_imports_is_told(app: Flask) -> None:
    told = set()
    for written in re.findall(r"`(/imports[^` ]*)`", NAMES.read_text(encoding="utf-8")):
        front, _slash, last = written.rpartition("/")
        told |= {_PLACE.sub("<>", f"{front}/{word}") for word in last.split("|")}

    served = {_PLACE.sub("<>", rule.rule) for rule in app.url_map.iter_rules() if rule.rule.startswith("/imports")}

    assert len(served) > 8
    assert served <= told
