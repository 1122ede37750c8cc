"""Which company an account may be: what counts as a sign, what contradicts one, and how it is told."""

import pytest

from portal.domain.likeness import LEAST, SURE, UNSURE, Candidate, Choice, Likely, Likeness, by_account
from portal.domain.names import domains, name_of

COMPANIES = (
    Candidate(1, "Acme Ltd", "https://www.acme.example"),
    Candidate(2, "Birch & Sons"),
    Candidate(3, "Cedar Dental Group LLC"),
    Candidate(4, "Cedar Freight"),
    Candidate(5, "Dune Optics"),
    Candidate(6, "Elm Bank Harbour Trust"),
    Candidate(7, "Site 7 Storage"),
    Candidate(8, "Twin Joinery"),
    Candidate(9, "Twin Joinery Inc."),
    Candidate(10, "Fern Optics Partners", allowed=False),
    Candidate(11, "Fern Optics"),
)


def best(account: str, external_id: str = "", *choices: Choice, refused: tuple[int, ...] = ()) -> Likely | None:
    return Likeness.over(COMPANIES, choices).best(account, external_id, refused=refused)


def found(account: str, external_id: str = "", *choices: Choice) -> Likely:
    likely = best(account, external_id, *choices)
    assert likely is not None
    return likely


def test_the_reasons_name_the_domain_the_legal_form_and_the_earlier_choice() -> None:
    likely = found("Acme", "acme.example", Choice("ACME", "Haven Backup", 1))

    assert (likely.company_id, likely.score) == (1, 100)
    assert likely.reasons[:3] == (
        "same name; “Ltd” ignored",
        "same domain acme.example",
        "you chose the same for “ACME” at Haven Backup",
    )


@pytest.mark.parametrize(
    ("account", "company", "reason"),
    [
        ("A.C.M.E. Limited", 1, "same name; “Limited”, “Ltd” ignored"),
        ("Cedar Dental", 3, "same name but for “group”; “LLC” ignored"),
        ("Cedar Dental Grp", 3, "same name; “LLC” ignored; “Grp” read as group"),
        ("DuneOptics", 5, "same name but for blanks"),
        ("EBHT", 6, "“EBHT” are its initials"),
        ("Freight of Cedar", 4, "shares the words cedar, freight"),
    ],
)
def test_each_sign_is_told_in_words(account: str, company: int, reason: str) -> None:
    likely = found(account)

    assert likely.company_id == company
    assert reason in likely.reasons


@pytest.mark.parametrize("account", ["Freight of Cedar", "EBHT", "Cedar"])
def test_words_and_initials_alone_are_never_sure(account: str) -> None:
    likely = best(account)

    assert likely is None or likely.score < SURE


def test_of_two_that_fit_equally_well_none_is_given() -> None:
    assert best("Twin Joinery") is None


def test_a_company_out_of_scope_is_never_given_and_its_name_is_not_taken_for_another() -> None:
    likely = best("Fern Optics Partners")

    assert likely is None or (likely.company_id == 11 and likely.score <= UNSURE)


def test_another_number_in_the_name_is_another_company() -> None:
    likely = found("Site 8 Storage")

    assert likely.score <= UNSURE
    assert "another number in the name" in likely.reasons


def test_a_choice_for_a_name_that_several_companies_have_is_not_sure() -> None:
    likely = found("Cedar", "", Choice("Cedar", "Haven Backup", 3))

    assert likely.company_id == 3
    assert LEAST <= likely.score < SURE


def test_a_name_for_which_two_companies_were_chosen_tells_nothing() -> None:
    choices = (Choice("Bay", "Haven", 3), Choice("Bay", "Corvid", 4))

    assert best("Bay", "", *choices) is None


def test_what_a_person_chose_otherwise_outweighs_an_equal_name() -> None:
    likely = found("Dune Optics", "", Choice("Dune Optics", "Haven", 4))

    assert likely.score < SURE


def test_a_company_that_was_refused_for_an_account_is_never_given_for_it() -> None:
    assert best("Dune Optics", refused=(5,)) is None


def test_a_company_that_was_refused_for_the_same_name_elsewhere_is_not_sure() -> None:
    likely = found("Dune Optics", "", Choice("DUNE OPTICS", "Haven", 5, refused=True))

    assert likely.score <= UNSURE
    assert "refused for “DUNE OPTICS” at Haven" in likely.reasons


def test_two_good_signs_that_lead_apart_are_left_to_a_person() -> None:
    likely = found("Dune Optics", "acme.example")

    assert likely.company_id == 5
    assert likely.score < SURE
    assert "but same domain acme.example leads to Acme Ltd" in likely.reasons


def test_equal_names_are_judged_once_and_alike() -> None:
    index = Likeness.over(COMPANIES)

    assert {one: likely.company_id for one, likely in by_account(index, {
        1: ("Dune Optics", "a", ()), 2: ("Dune Optics", "b", ()), 3: ("Dune Optics", "c", (5,)), 4: ("", "", ()),
    }).items()} == {1: 5, 2: 5}  # fmt: skip


@pytest.mark.parametrize("name", ["", "&", "---", "東", "Ltd", "\n", "a" * 5000, "=1+1", "<b>x</b>"])
def test_any_text_can_be_taken_apart(name: str) -> None:
    index = Likeness.over([*COMPANIES, Candidate(99, name)], [Choice(name, "Haven", 99)])

    assert name_of(name).key == name_of(name_of(name).key).key
    assert index.best(name) is None or index.best(name).company_id == 99  # type: ignore[union-attr]  # just told
    assert domains(name) == set()
