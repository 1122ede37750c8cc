from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from portal.db.records import Connection, PsaCompany, SyncRun
from portal.sandbox.server import running
from tests.support.tls import signed

TRAPS = Path(__file__).parents[1] / "samples" / "traps"


@pytest.fixture
def site() -> Iterator[str]:
    with running(TRAPS) as sandbox:
        yield sandbox.base_url


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def connect(site: str, *more: str, key: str = "-") -> list[str]:
    return [
        *("connections", "set", "connectwise", "--url", site, "--company", "sandbox", "--public-key", "portal"),
        *("--private-key", key, "--client-id", "5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11", *more),
    ]


def test_a_connection_is_tried_then_stored(runner: FlaskCliRunner, site: str, session: Session) -> None:
    result = runner.invoke(args=connect(site, "--allow-private"), input="portal-secret\n")

    assert result.exit_code == 0, result.output
    assert "yes  Read companies" in result.output
    assert "writing is off" in result.output
    assert "portal-secret" not in result.output
    assert session.get_one(Connection, "connectwise").url == f"{site}/v4_6_release/apis/3.0"


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        (["--allow-private"], "wrong\n", "refused the keys (401)"),
        (["--allow-private"], "\n", "No private key came"),
        ([], "portal-secret\n", "https"),
    ],
)
def test_what_cannot_be_used_is_not_stored(
    runner: FlaskCliRunner, site: str, session: Session, more: list[str], key: str, words: str
) -> None:
    result = runner.invoke(args=connect(site, *more), input=key)

    assert result.exit_code == 1
    assert words in result.output
    assert "Nothing was stored." in result.output
    assert session.get(Connection, "connectwise") is None


def test_a_missing_right_is_named_and_nothing_stored(runner: FlaskCliRunner, site: str, session: Session) -> None:
    body: dict[str, dict[str, list[str]]] = {"portal": {"agreements": []}}
    requests.post(f"{site}/_sandbox/roles", json=body, timeout=5).raise_for_status()

    result = runner.invoke(args=connect(site, "--allow-private"), input="portal-secret\n")

    assert result.exit_code == 1
    assert "NO   Read agreements" in result.output
    assert "Finance / Agreements: Inquire all" in result.output
    assert session.get(Connection, "connectwise") is None


def test_a_sync_in_the_foreground_shows_its_phases_and_counts(
    runner: FlaskCliRunner, site: str, session: Session
) -> None:
    runner.invoke(args=connect(site, "--allow-private"), input="portal-secret\n")

    full = runner.invoke(args=["sync", "run", "--full"])
    quick = runner.invoke(args=["sync", "run"])
    shown = runner.invoke(args=["connections", "show"])

    assert full.exit_code == 0, full.output
    assert "Reading companies" in full.output
    assert "companies: 47 new" in full.output
    assert quick.exit_code == 0, quick.output
    assert "companies: nothing new" in quick.output
    assert session.scalar(sa.select(sa.func.count()).select_from(PsaCompany)) == 47
    assert "ConnectWise: read 2026-10-28 09:00, limit 24 h" in shown.output


def test_a_sync_that_fails_ends_with_a_sentence(runner: FlaskCliRunner, site: str, session: Session) -> None:
    unconnected = runner.invoke(args=["sync", "run"])
    assert (unconnected.exit_code, "not connected yet" in unconnected.output) == (1, True)
    runner.invoke(args=connect(site, "--allow-private"), input="portal-secret\n")
    fault = {"kind": "html", "status": 200, "path": "/procurement", "times": 99}
    requests.post(f"{site}/_sandbox/faults", json=[fault], timeout=5).raise_for_status()

    failed = runner.invoke(args=["sync", "run", "--full"])

    assert failed.exit_code == 1
    assert "web page" in failed.output
    assert "Nothing was read yet." in failed.output
    assert [run.state for run in session.scalars(sa.select(SyncRun))] == ["failed"]


def test_an_authority_of_ones_own_is_kept_until_another_one_is_given(
    runner: FlaskCliRunner, site: str, session: Session, tmp_path: Path
) -> None:
    file = tmp_path / "own.pem"
    file.write_text(signed("Own authority").pem)

    refused = runner.invoke(args=connect(site, "--allow-private", "--ca-certificates", __file__), input="x\n")
    for more in (["--ca-certificates", str(file)], []):
        result = runner.invoke(args=connect(site, "--allow-private", *more), input="portal-secret\n")
        assert result.exit_code == 0, result.output
        session.expire_all()
        session.rollback()
        assert session.get_one(Connection, "connectwise").ca_certificates == file.read_text()
        session.commit()

    assert refused.exit_code == 1
    assert "no certificate in the PEM form" in refused.output


def test_limits_are_set_one_by_one(runner: FlaskCliRunner, site: str) -> None:
    unconnected = runner.invoke(args=["connections", "limits", "--parallel", "4"])
    runner.invoke(args=connect(site, "--allow-private"), input="portal-secret\n")

    result = runner.invoke(args=["connections", "limits", "--parallel", "4", "--bundle-size", "25"])
    refused = runner.invoke(args=["connections", "limits", "--requests-a-minute", "1"])

    assert (unconnected.exit_code, "not connected yet" in unconnected.output) == (1, True)
    assert result.output == "600 requests a minute, 4 reads at the same time, bundles of 25.\n"
    assert (refused.exit_code, "Choose from 10 to 6,000." in refused.output) == (1, True)


def test_leading_to_another_psa_is_said(runner: FlaskCliRunner, site: str) -> None:
    runner.invoke(args=connect(site, "--allow-private"), input="portal-secret\n")

    other = site.replace("127.0.0.1", "localhost")
    moved = runner.invoke(args=connect(other, "--allow-private"), input="portal-secret\n")

    assert moved.exit_code == 0, moved.output
    assert "This is another ConnectWise than before." in moved.output


def test_writing_is_switched(runner: FlaskCliRunner, site: str, session: Session) -> None:
    assert runner.invoke(args=["connections", "writing", "on"]).exit_code == 1
    runner.invoke(args=connect(site, "--allow-private"), input="portal-secret\n")

    assert runner.invoke(args=["connections", "writing", "on"]).output == "Writing to ConnectWise is on.\n"
    assert session.get_one(Connection, "connectwise").writing
    assert runner.invoke(args=["connections", "writing", "sideways"]).exit_code == 2
