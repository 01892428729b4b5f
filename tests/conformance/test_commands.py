"""Every command explains itself, and every setting stands in the README."""

import dataclasses
import importlib
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from tests.tidy.tree import ROOT
from tidewheel.cli.main import COMMANDS, tidewheel
from tidewheel.runtime.settings import PREFIX

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and command of a group, as typed."""
    context = click.Context(tidewheel)
    for name in COMMANDS:
        yield (name,)
        command = tidewheel.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in command.commands)


def resolved(words: tuple[str, ...]) -> click.Command:
    command: click.Command = tidewheel
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help(words: tuple[str, ...]) -> None:
    every = [words, *(below for below in commands() if len(below) > 1 and below[:1] == words)]
    for typed in every:
        answer = CliRunner().invoke(tidewheel, [*typed, "--help"])
        assert answer.exit_code == 0, answer.output
        command = resolved(typed)
        assert command.help
        assert command.help.split("\n")[0].rstrip(".").split()[0] in answer.output
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, f"{' '.join(typed)} {parameter.opts[0]} is not explained"
                assert max(parameter.opts, key=len) in answer.output


def test_top_level_help_names_every_command() -> None:
    answer = CliRunner().invoke(tidewheel, ["-h"])
    assert [name for name in COMMANDS if name not in answer.output] == []


@pytest.mark.parametrize("typed", [["nonsense"], ["run", "--nonsense"], ["topics", "nonsense"]])
def test_a_wrong_word_is_one_line_and_code_2(typed: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    from tidewheel.cli.main import main

    assert main(typed) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("tidewheel: ")


def settings_names() -> set[str]:
    """Every TIDEWHEEL_ variable a service or command reads."""
    names = set()
    for service in SERVICES:
        module = importlib.import_module(f"services.{service}.settings")
        for value in vars(module).values():
            if dataclasses.is_dataclass(value) and getattr(value, "__module__", "") == module.__name__:
                names |= {
                    PREFIX + field.name.upper() for field in dataclasses.fields(value) if "parse" in field.metadata
                }
    for words in commands():
        for parameter in resolved(words).params:
            envvar = parameter.envvar or ()
            names |= {envvar} if isinstance(envvar, str) else set(envvar)
    return names


def test_every_setting_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert sorted(name for name in settings_names() if name not in readme) == []
    assert len(settings_names()) > 10
