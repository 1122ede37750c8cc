"""Settings that cannot be used end the start with a sentence that names them; a key is never replaced silently."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from portal.config import ROOT, BadSetting, Settings, read_settings
from portal.factory import create_app


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TIME_ZONE", "Mars/Olympus", "no time zone"),
        ("TIME_ZONE", "America", "no time zone"),
        ("TIME_ZONE", "../../etc/passwd", "no time zone"),
        ("DATABASE_URL", "mysql://x", "has to begin with"),
        ("QUEUE_URL", "amqp://x", "has to begin with"),
        ("BASE_URL", "countersign.example.com", "is not an address"),
        ("BASE_URL", "https://host:port", "is not an address"),
        ("BASE_URL", "javascript:alert(1)", "is not an address"),
        ("NOW", "yesterday", "is not a moment"),
        ("NOW", "2026-10-28T09:00:00", "needs an offset"),
        ("SECRET_KEY", " , ,", "nothing but commas"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(tmp_path: Path, name: str, value: str, says: str) -> None:
    with pytest.raises(BadSetting, match=says) as caught:
        read_settings({f"COUNTERSIGN_{name}": value}, instance=tmp_path)

    assert f"COUNTERSIGN_{name}" in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:/x", "postgresql+unheard://x", "postgresql://a:b@host:port/x"])
def test_a_database_address_that_no_driver_takes_is_named_without_its_password(tmp_path: Path, url: str) -> None:
    settings = read_settings({"COUNTERSIGN_DATABASE_URL": url}, instance=tmp_path)

    with pytest.raises(BadSetting, match="COUNTERSIGN_DATABASE_URL cannot be used") as caught:
        create_app(settings)

    assert "a:b@" not in str(caught.value)


def test_trusted_proxies_that_are_no_addresses_are_named(tmp_path: Path) -> None:
    settings = read_settings({"COUNTERSIGN_TRUSTED_PROXIES": "10.0.0.0/8, my-proxy"}, instance=tmp_path)

    with pytest.raises(BadSetting, match="“my-proxy” is no address"):
        create_app(settings)


def test_an_instance_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadSetting, match="cannot be made"):
        read_settings({}, instance=tmp_path / "file" / "instance")


def test_an_empty_key_is_never_replaced_by_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")

    with pytest.raises(BadSetting, match="is empty"):
        read_settings({}, instance=tmp_path)

    assert (tmp_path / "secret_key").read_text() == ""


def test_processes_that_start_together_use_one_key(tmp_path: Path) -> None:
    found: list[Settings] = []
    threads = [threading.Thread(target=lambda: found.append(read_settings({}, instance=tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == len(threads)
    assert len({settings.secret_keys for settings in found}) == 1
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", [["-m", "flask", "--app", "app", "doctor"], ["-m", "waitress", "app:app"]])
def test_a_start_with_a_bad_setting_ends_with_a_sentence_alone(tmp_path: Path, command: list[str]) -> None:
    environment = os.environ | {"COUNTERSIGN_INSTANCE": str(tmp_path), "COUNTERSIGN_TRUSTED_PROXIES": "my-proxy"}

    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert done.stderr.strip() == "Error: COUNTERSIGN_TRUSTED_PROXIES: “my-proxy” is no address or network."


def test_a_store_of_a_newer_version_is_left_alone(settings: Settings) -> None:
    file = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"],
        cwd=ROOT,
        env=os.environ | {"COUNTERSIGN_INSTANCE": str(settings.instance)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "made by a newer version of Countersign" in done.stderr
    assert "Traceback" not in done.stderr
