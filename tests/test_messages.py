"""What the portal says to people: `docs/messages.txt` lists it as it is, and no word in it blames, shouts or codes."""

import re
from textwrap import dedent

import pytest

from portal.config import ROOT
from tests.support import messages

NEVER = {
    "a shout": r"!",
    "begging and cheering": r"\b(please|kindly|sorry|oops|whoops|successful(ly)?|congratulations)\b",
    "blame": r"\b(you must|you have to|you should|you forgot|you failed|illegal|invalid|forbidden|wrong input)\b",
    "the machine's words": r"\b(the system|unable to|failed to|fatal|abort(ed)?|undefined|null pointer|click here)\b",
    "a bare code": r"^\W*[45]\d\d\W*$|\b(error|status|code|http)\s*:?\s*[45]\d\d\b",
    "an exception's name": r"(?-i:\w(Error|Exception)\b)|\{__name__\}|\bexception\b|\btraceback\b",
}
Messages = list[tuple[str, str]]
BUTTONS = re.compile(r"<button[^>]*>\s*(OK|Okay|Submit|Yes|No|Send)\s*</button>", re.IGNORECASE)


@pytest.fixture(scope="module")
def said() -> Messages:
    return messages.messages()


def test_the_list_is_the_one_that_the_portal_says(said: Messages) -> None:
    """Where this fails: `make messages`, then read what changed."""
    now = messages.written(said).splitlines()
    listed = messages.FILE.read_text(encoding="utf-8").splitlines()

    assert [line for line in now if line not in listed] == []
    assert [line for line in listed if line not in now] == []
    assert now == listed


@pytest.mark.parametrize("what", NEVER)
def test_no_message_holds(said: Messages, what: str) -> None:
    never = re.compile(NEVER[what], re.IGNORECASE)

    assert [found for found in said if never.search(found[1])] == []


def test_a_button_is_a_verb_of_what_it_does() -> None:
    named = [
        (file.name, found[0])
        for file in sorted((ROOT / "templates").rglob("*.html"))
        for found in BUTTONS.finditer(file.read_text(encoding="utf-8"))
    ]

    assert named == []


def test_messages_of_a_module_are_found_wherever_they_are_said() -> None:
    source = dedent('''
        """A docstring is told to nobody."""
        NOTICE = "The store is busy. Nothing was changed."

        def decide(card, many):
            log.warning("A log line of card %s is told to nobody.", card)
            announce(f"Approved {card.quantity}. {many:,} left" if many else "All done now")
            form.errors["date"] = "A date, such as 1 May"
            raise Invalid(f"{many} {'card is' if many == 1 else 'cards are'} " + "ticked.", {"date": "Pick a day"})

        def check(value):
            raise TypeError(f"A mistake of the program: {value} is told to nobody.")
    ''')

    assert sorted(messages.of_module(source)) == [
        "A date, such as 1 May",
        "All done now",
        "Approved {quantity}. {many} left",
        "Pick a day",
        "The store is busy. Nothing was changed.",
        "{many} [card is|cards are] ticked.",
    ]


def test_messages_of_a_template_are_found_with_what_is_shown_of_two() -> None:
    source = """
        {# A comment is shown to nobody. #}
        <div class="notice warn">{{ icon('warn') }}<p>Held: <b>{{ held.many|quantity }}</b> accounts fell
          {% if newest %}at once{% else %}together{% endif %}.</p></div>
        {{ empty("No card matches. Choose another filter.") }}
        <p>{% if about %}Of {{ about }}.{% endif %} Rules bend what a count proposes.</p>
        <td class="number">12</td>
    """

    assert sorted(messages.of_template(source)) == [
        "Held: {many} accounts fell [at once|together].",
        "No card matches. Choose another filter.",
        "[Of {about}.] Rules bend what a count proposes.",
    ]
