import operator as operators
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sandbox import conditions, jsontext, matching, query
from portal.sandbox.conditions import All, AnyOf, Comparison, ConditionError, Literal, Node, Not
from portal.sandbox.fields import Kind
from tests.sandbox.caller import Caller

COMPANIES = "/company/companies"


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("id = 5", [5]),
        ("id != 5", [6, 7]),
        ("id > 5 and id <= 7", [6, 7]),
        ("id < 6 or id >= 7", [5, 7]),
        ("not id = 5", [6, 7]),
        ("not (id = 5 or id = 6)", [7]),
        ("id = 5 or id = 6 and id = 7", [5]),
        ("(id = 5 or id = 6) and id != 6", [5]),
        ("id in (5,7)", [5, 7]),
        ("id not in (5, 7)", [6]),
        ("status/id in (8)", [5]),
        ('status/name = "SIGNED"', [5]),
        ('name = "umbra & sons"', [5]),
        ('name like "%sons"', [5]),
        ('name like "*um*"', [5]),
        ('name like "um"', []),
        ('name not like "b%"', [5, 6]),
        ('name contains "100%"', [6]),
        ('name contains "1_0"', []),
        ('name not contains "e"', [5]),
        ('name = "The ""Quote"" 100% Ltd"', [6]),
        (r'name = "The \"Quote\" 100% Ltd"', [6]),
        ("name = 'The \"Quote\" 100% Ltd'", [6]),
        ("deletedFlag = True", [6]),
        ("deletedFlag = false", [5]),
        ("deletedFlag != TRUE", [5]),
        ("deletedFlag = null", [7]),
        ("deletedFlag != null", [5, 6]),
        ("status = null", [7]),
        ("status/id != 8", [6]),
        ("lastUpdated > [2031-03-01T08:00:00Z]", [6]),
        ("lastUpdated >= [2031-03-01T08:00:00Z] and _info/updatedBy = 'ana'", [5, 6, 7]),
        ("lastUpdated < [2031-03-02]", [5, 7]),
        ("lastUpdated = [2031-03-05T05:00:00-05:00]", [6]),
        ('lastUpdated > "2031-03-02"', [6]),
        ("  ID\t=\n5  ", [5]),
        ("id=5 AND(name like'u%')", [5]),
        ("id > -1", [5, 6, 7]),
        ("id = 5.0", [5]),
    ],
)
def test_conditions_choose_records(portal: Caller, condition: str, ids: list[int]) -> None:
    assert portal.ids(COMPANIES, condition) == ids
    assert portal.get(f"{COMPANIES}/count", conditions=condition) == {"count": len(ids)}


@pytest.mark.parametrize(
    "condition",
    [
        "id",
        "id =",
        "= 5",
        "id = 5 and",
        "id = 5 6",
        "(id = 5",
        "id = 5)",
        "id in ()",
        "id in 5",
        "id in (5,)",
        "id == 5",
        "id like 5",
        'id like "5"',
        'id = "5"',
        "id = True",
        "name = 5",
        "name = unquoted",
        'name = "open',
        "name > null",
        "deletedFlag = 1",
        "deletedFlag > True",
        "nothing = 1",
        "status/nothing = 1",
        "name/id = 1",
        "status = 8",
        "types/id = 2",
        "lastUpdated > [yesterday]",
        "lastUpdated > yesterday",
        'lastUpdated > "yesterday"',
        "not",
        "id = 5; drop",
        "(" * 200 + "id = 5" + ")" * 200,
        "not " * 5000 + "id = 5",
    ],
)
def test_a_condition_that_cannot_be_understood_is_a_400_in_connectwises_manner(portal: Caller, condition: str) -> None:
    response = portal.send("GET", COMPANIES, params={"conditions": condition})

    assert response.status_code == 400
    assert response.json()["code"] == "ApiFindCondition"


def test_an_unknown_name_is_named(portal: Caller) -> None:
    response = portal.send("GET", COMPANIES, params={"conditions": 'typeids = "1"'})

    assert response.json()["message"] == "typeids is not a recognized name."


def test_child_conditions_look_into_lists(portal: Caller) -> None:
    def ids(condition: str) -> list[int]:
        return portal.ids(COMPANIES, childConditions=condition)

    assert ids("types/id = 2") == [5]
    assert ids("types/id in (2, 3)") == [5, 6]
    assert ids('types/name = "farm" and types/id = 3') == [5, 6]
    assert ids('types/name = "farm" and types/id = 2') == []  # one type must be both
    assert portal.ids(COMPANIES, "id = 6", childConditions="types/id = 3") == [6]
    for bad in ("id = 5", "types = 2", "types/nothing = 1", "status/id = 8"):
        assert portal.send("GET", COMPANIES, params={"childConditions": bad}).status_code == 400


def test_additions_are_chosen_by_their_exact_numbers(portal: Caller) -> None:
    path = "/finance/agreements/40/additions"

    assert portal.ids(path, "quantity = 2.5") == [901]
    assert portal.ids(path, "quantity = 2.50 and product/identifier = 'disk'") == [901]
    assert portal.ids(path, "unitPrice = null") == [901]
    assert portal.ids(path, "cancelledDate = null and effectiveDate <= [2030-02-01]") == [900, 901]


KINDS: dict[str, Kind] = {"n": "number", "s": "text", "f": "flag", "d": "date", "r": {"n": "number", "s": "text"}}
TEXTS = st.text(alphabet="aZé \"'\\%*[](),=/0-\n", max_size=12)  # all that the grammar minds
NUMBERS = st.decimals(-10_000, 10_000, places=2).map(jsontext.plain)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
NAMES = {"n": NUMBERS, "s": TEXTS, "f": st.booleans(), "d": MOMENTS}


def _literal(value: Literal, quote: str) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return f"[{value.isoformat()}]"
        case _ if quote == "\\":
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case _:
            return quote + value.replace("\\", "\\\\").replace(quote, quote * 2) + quote


def _written(node: Node, quote: str) -> str:
    match node:
        case Comparison(path, "in", values):
            return f"{'/'.join(path)} in ({', '.join(_literal(value, quote) for value in values)})"
        case Comparison(path, operator, values):
            return f"{'/'.join(path)} {operator} {_literal(values[0], quote)}"
        case Not(part):
            return f"not ({_written(part, quote)})"
        case All(parts):
            return " and ".join(f"({_written(part, quote)})" for part in parts)
        case AnyOf(parts):
            return " or ".join(f"({_written(part, quote)})" for part in parts)


@st.composite
def _comparison(draw: st.DrawFn) -> Node:
    name = draw(st.sampled_from(["n", "s", "f", "d", "r/n", "r/s"]))
    values = NAMES[name[-1]]
    operators = ["=", "!=", "in"] if name == "f" else ["=", "!=", "<", "<=", ">", ">=", "in"]
    operator = draw(st.sampled_from([*operators, "contains"] if name.endswith("s") else operators))
    many: list[Any] = draw(st.lists(values, min_size=1, max_size=3 if operator == "in" else 1))
    nothing = operator in {"=", "!="} and draw(st.booleans())
    return Comparison(tuple(name.split("/")), operator, (None,) if nothing else tuple(many))


NODES: st.SearchStrategy[Node] = st.recursive(
    _comparison(),
    lambda parts: st.one_of(
        parts.map(Not),
        st.lists(parts, min_size=2, max_size=3).map(lambda nodes: All(tuple(nodes))),
        st.lists(parts, min_size=2, max_size=3).map(lambda nodes: AnyOf(tuple(nodes))),
    ),
    max_leaves=8,
)
FLAT = {
    "n": NUMBERS,
    "s": TEXTS,
    "f": st.booleans(),
    "d": MOMENTS.map(lambda moment: moment.isoformat()),
}
RECORDS = st.fixed_dictionaries(
    {}, optional=FLAT | {"r": st.fixed_dictionaries({}, optional={"n": NUMBERS, "s": TEXTS})}
)


@given(node=NODES, quote=st.sampled_from(['"', "'", "\\"]))
def test_what_is_written_is_read_back_as_the_same_tree(node: Node, quote: str) -> None:
    assert conditions.parse(_written(node, quote)) == node


@given(node=NODES, record=RECORDS)
def test_a_condition_and_its_opposite_never_both_hold(node: Node, record: jsontext.Record) -> None:
    checked = matching.check(node, KINDS)

    assert not (matching.holds(checked, record) and matching.holds(Not(checked), record))
    assert matching.holds(Not(Not(checked)), record) == matching.holds(checked, record)


@given(value=NUMBERS, other=NUMBERS)
def test_numbers_compare_as_numbers(value: Decimal, other: Decimal) -> None:
    for operator, expected in (("=", value == other), ("<", value < other), (">=", value >= other)):
        node = matching.check(Comparison(("n",), operator, (other,)), KINDS)
        assert matching.holds(node, {"n": value}) == expected


@given(
    text=st.lists(
        st.sampled_from(
            ["id", "a/b", "=", "in", "not", "and", "or", "(", ")", ",", '"', "[", "]", "5", " ", "\\", "like"]
        ),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    try:
        node = conditions.parse(text)
    except ConditionError:
        return
    assert list(conditions.comparisons(node))


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS, st.lists))
def test_json_is_written_and_read_back_exactly(value: jsontext.JsonValue) -> None:
    read = jsontext.loads(jsontext.dumps(value))

    assert read == value


def _plainly(node: Node, record: jsontext.Record) -> bool | None:
    """What a condition says of a record, worked out on Python's own values; None: a value is missing."""
    match node:
        case Not(part):
            inner = _plainly(part, record)
            return None if inner is None else not inner
        case All(parts):
            return _least([_plainly(part, record) for part in parts])
        case AnyOf(parts):
            opposite = _least([None if (said := _plainly(part, record)) is None else not said for part in parts])
            return None if opposite is None else not opposite
        case Comparison(path, operator, values):
            value: Any = record
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            return _compared(value, operator, values)


def _least(answers: list[bool | None]) -> bool | None:
    """Three-valued and: false beats unknown, unknown beats true."""
    return min(answers, key=lambda answer: {False: 0, None: 1, True: 2}[answer])


def _compared(value: Any, operator: str, values: tuple[Literal, ...]) -> bool | None:
    if values == (None,):
        return (value is None) is (operator == "=")
    if value is None:
        return None
    if isinstance(values[0], datetime):
        value = datetime.fromisoformat(value)
    mine: Any = value.casefold() if isinstance(value, str) else value
    theirs: list[Any] = [item.casefold() if isinstance(item, str) else item for item in values]
    if operator == "in":
        return mine in theirs
    if operator == "contains":
        return theirs[0] in mine
    signs = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
    return bool(getattr(operators, signs[operator])(mine, theirs[0]))


@given(node=NODES, records=st.lists(RECORDS, max_size=6), quote=st.sampled_from(['"', "'", "\\"]))
def test_what_is_asked_in_writing_is_what_a_plain_evaluator_says(
    node: Node, records: list[jsontext.Record], quote: str
) -> None:
    chosen = query.select(records, {"conditions": _written(node, quote)}, KINDS)

    assert chosen == [record for record in records if _plainly(node, record) is True]


@given(
    text=TEXTS,
    parts=st.lists(st.sampled_from(["%", "*"]) | st.text(alphabet="aZé \"'\\-\n", max_size=4), min_size=1, max_size=5),
)
def test_like_takes_a_percent_sign_or_a_star_for_any_text(text: str, parts: list[str]) -> None:
    def fits(rest: str, left: list[str]) -> bool:
        if not left:
            return not rest
        if left[0] in {"%", "*"}:
            return any(fits(rest[start:], left[1:]) for start in range(len(rest) + 1))
        return rest.startswith(left[0].casefold()) and fits(rest[len(left[0].casefold()) :], left[1:])

    node = matching.check(Comparison(("s",), "like", ("".join(parts),)), KINDS)

    assert matching.holds(node, {"s": text}) == fits(text.casefold(), parts)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("n = 1 or n = 2 and f = true", "n = 1 or (n = 2 and f = true)"),
        ("not n = 1 and f = true", "(not n = 1) and f = true"),
        ("not (n = 1 or n = 2) and f = TRUE", "(not (n = 1 or n = 2)) and f = true"),
        ("n not in (1, 2) AND s NOT like 'a%'", "not n in (1,2) and not s like 'a%'"),
        ("d > [2031-01-01]", "d > [2031-01-01T00:00:00Z]"),
        ("d > [2031-01-01T00:00:00-05:00]", "d > [2031-01-01T05:00:00Z]"),
        ('s = "a ""b"""', "s = 'a \"b\"'"),
        ('s = "a \\"b\\""', "s = 'a \"b\"'"),
        ("f=False", "f = false"),
    ],
)
def test_two_ways_to_write_a_condition_are_one(text: str, same: str) -> None:
    assert conditions.parse(text) == conditions.parse(same)
