"""Every address of the portal with records that exist, for tests that go through all of them."""

import re
from collections.abc import Iterator, Mapping

from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

NAMED = {"key": "connectwise", "name": "status", "slug": "cumulo", "page": "month"}
"""What a part of an address that is no number may be."""


def rules(app: Flask, *methods: str) -> Iterator[tuple[Rule, str]]:
    """Every rule with each of its methods, or with some of them."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if not methods or method in methods:
                yield rule, method


def address(rule: Rule, ids: Mapping[str, int]) -> str:
    """Give an address of a rule: of a record that exists, where one is known."""
    path = rule.rule
    for name in rule.arguments:
        number = isinstance(rule._converters[name], IntegerConverter)
        value = str(ids.get(name, 1)) if number else NAMED.get(name, "nothing-like-this")
        path = re.sub(rf"<[^<>]*\b{name}>", value, path)
    return path
