"""`docs/settings.md`, `docs/commands.md` and `docs/metrics.md`, made from what is declared in the code.

The output is committed; a test checks that it has not drifted.
"""

import dataclasses
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from tidewheel.cli.main import COMMANDS, tidewheel
from tidewheel.cli.metrics_reference import metrics_page
from tidewheel.cli.options import option_text
from tidewheel.local.processes.services import SERVICES
from tidewheel.presentation.markdown import MADE, table
from tidewheel.runtime.settings import PREFIX
from tidewheel.runtime.telemetry_settings import TelemetrySettings

ROOT = Path(__file__).parent.parent.parent

SETTINGS_HEAD = f"""# Settings

{MADE}

Each service reads its settings once, at its start, from environment variables. A variable that is empty counts as not
set. A value that cannot be used ends the service with exit code 2 and a line for each fault. `tidewheel run` sets what
its options decide and lets the rest of its environment through; [commands.md](commands.md) has the options.
"""
COMMANDS_HEAD = f"""# Commands

{MADE}

`tidewheel COMMAND --help` says the same. Unless a command says otherwise, its exit code is 0 where it is done, 1 where
it cannot be done now, 2 where the command line or a setting is wrong, 130 where it was interrupted; what is wrong is
told in one line on standard error. [settings.md](settings.md) has the variables of the services.
"""


def settings_page() -> str:
    """The settings of all services as Markdown."""
    own = {service: import_module(f"services.{service}.settings").Settings for service in SERVICES}
    every = {"all services": TelemetrySettings, **own}
    return "\n".join(
        [SETTINGS_HEAD, *(line for title, settings in every.items() for line in _section(title, settings))]
    )


def _section(title: str, settings: type) -> Iterator[str]:
    yield f"## {title}\n"
    yield from table(("variable", "takes", "default", "unit", "meaning"), map(_setting, dataclasses.fields(settings)))


def _setting(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    metadata = field.metadata
    default = "none" if field.default in (None, "") else f"`{option_text(field.default)}`"
    secret = " Never logged." if metadata["secret"] else ""
    return (
        f"`{PREFIX}{field.name.upper()}`",
        metadata["parse"].allowed,
        default,
        metadata["unit"],
        metadata["meaning"] + secret,
    )


def commands_page() -> str:
    """All commands with their options as Markdown."""
    context = click.Context(tidewheel, info_name="tidewheel", **tidewheel.context_settings)
    lines = [COMMANDS_HEAD]
    for name in COMMANDS:
        command = tidewheel.get_command(context, name)
        assert command is not None
        lines += _command(command, click.Context(command, info_name=name, parent=context))
    return "\n".join(lines)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    pieces = command.collect_usage_pieces(context)
    yield f"## {context.command_path}\n"
    yield f"`{' '.join([context.command_path, *pieces])}`\n"
    yield _paragraphs(command.help or "")
    records = (parameter.get_help_record(context) for parameter in command.params)
    if options := [record for record in records if record is not None]:
        yield from table(("option", "meaning"), ((f"`{typed}`", meaning) for typed, meaning in options))
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _command(below, click.Context(below, info_name=name, parent=context))


def _paragraphs(words: str) -> str:
    """Help as click shows it: lines of a paragraph flow together."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in words.split("\n\n"))
    return "\n\n".join(paragraphs) + "\n"


PAGES = {"settings.md": settings_page, "commands.md": commands_page, "metrics.md": metrics_page}


def generate(docs: Path) -> None:
    """Write the pages into a folder."""
    for name, page in PAGES.items():
        (docs / name).write_text(page())


if __name__ == "__main__":
    generate(ROOT / "docs")
    sys.exit(0)
