"""Every command explains itself, and so does every setting."""

import dataclasses
import importlib
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tidewheel.cli.main import COMMANDS, tidewheel
from tidewheel.cli.reference import commands_page, settings_page
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


def settings_fields() -> list[dataclasses.Field[Any]]:
    modules = (importlib.import_module(f"services.{service}.settings") for service in SERVICES)
    return [field for module in modules for field in dataclasses.fields(module.Settings)]


def command_variables() -> set[str]:
    """Variables that commands read."""
    found: set[str] = set()
    for words in commands():
        for parameter in resolved(words).params:
            envvar = parameter.envvar or ()
            found |= {envvar} if isinstance(envvar, str) else set(envvar)
    return found


@pytest.mark.parametrize("field", settings_fields(), ids=lambda field: field.name)
def test_every_setting_says_what_it_means(field: dataclasses.Field[Any]) -> None:
    assert field.metadata["meaning"].endswith(".")
    assert field.metadata["parse"].allowed
    unit = field.metadata["unit"].split()[:1]
    assert unit == {"s": ["s"], "ms": ["ms"]}.get(field.name.rpartition("_")[2], unit)


def test_every_variable_stands_in_the_reference() -> None:
    settings, options = settings_page(), commands_page()
    names = {PREFIX + field.name.upper() for field in settings_fields()}
    assert len(names) > 10
    assert sorted(name for name in names if f"`{name}`" not in settings) == []
    assert sorted(name for name in command_variables() - names if name not in options) == []
