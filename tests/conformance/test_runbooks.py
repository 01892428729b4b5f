"""What runbooks tell a tired person to type: commands that there are, metrics that are declared, logs that a run
writes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from tests.promql import unknown
from tests.tidy.tree import ROOT
from tidewheel.cli.main import tidewheel
from tidewheel.telemetry.declaration import SERVICES

TEXT = (ROOT / "docs/runbooks.md").read_text()
LINES = [
    line for block in re.findall(r"^```\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
IN_TEXT = re.findall(r"`(tidewheel [^`]+)`", TEXT)
TYPED = sorted({line for line in (*LINES, *IN_TEXT) if line.startswith("tidewheel ")})
QUERIES = [found for line in LINES for found in re.findall(r"--data-urlencode 'query=(.+)'$", line)]
LOGS = {*SERVICES, "kafka", "redis"}
OTHERS = ("curl", "tail", "grep", "date", "df", "timedatectl")


def faults(typed: str, folder: Path) -> str:
    """What the program says of a line before it does anything; what a line in a sentence leaves out may be left out."""
    (folder / "FILE").touch()
    words = [word.replace("$DATA_DIR", str(folder)) for word in shlex.split(typed)[1:]]
    filled = ["1" if word == "SEQ" else str(folder / word) if word == "FILE" else word for word in words]
    context, command = click.Context(tidewheel), click.Command("")
    group: click.Command = tidewheel
    while isinstance(group, click.Group) and filled:
        found = group.get_command(context, filled.pop(0))
        if found is None:
            return "there is no such command"
        group = command = found
    try:
        command.make_context(typed, filled)
    except click.MissingParameter:
        return "" if typed in IN_TEXT else "something is missing"
    except click.UsageError as wrong:
        return wrong.format_message()
    return ""


@pytest.mark.parametrize("typed", TYPED)
def test_the_program_knows_each_line(typed: str, tmp_path: Path) -> None:
    assert faults(typed, tmp_path) == ""


@pytest.mark.parametrize("typed", ["tidewheel topic tail", "tidewheel topics tail ticks --last 5", "tidewheel audits"])
def test_a_planted_line_is_found(typed: str, tmp_path: Path) -> None:
    assert faults(typed, tmp_path)


def test_queries_name_only_what_is_declared() -> None:
    assert QUERIES
    assert unknown(QUERIES) == []


def test_logs_are_those_of_a_run_and_programs_are_common_ones() -> None:
    assert set(re.findall(r"\$DATA_DIR/logs/(\w+)\.log", TEXT)) <= LOGS
    assert [line for line in LINES if line.split()[0] not in (*OTHERS, "tidewheel")] == []
