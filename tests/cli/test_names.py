"""Names that others rely on stand in the documents."""

from collections.abc import Iterator
from pathlib import Path

import click
from flask import Flask

from portal.config import PREFIX, Settings, read_settings

DOCS = Path(__file__).parents[2] / "docs"
NOT_OURS = {"db", "run", "shell", "routes"}


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_every_command_and_option_stands_in_the_list_of_names(app: Flask) -> None:
    listed = (DOCS / "interfaces.md").read_text()
    ours = [(name, one) for name, one in commands(app.cli) if name.split()[0] not in NOT_OURS]

    assert len(ours) > 20
    for name, command in ours:
        assert all(word in listed for word in name.split()), name
        options = [one.opts[-1] for one in command.params if isinstance(one, click.Option)]
        assert [option for option in options if option not in listed] == [], name


def test_every_setting_stands_in_the_documents(tmp_path: Path) -> None:
    told = (DOCS / "settings.md").read_text() + (DOCS / "interfaces.md").read_text()
    settings: Settings = read_settings({}, instance=tmp_path)

    assert len(settings.origins) > 7
    assert [name for name in (*settings.origins, f"{PREFIX}INSTANCE") if f"`{name}`" not in told] == []
