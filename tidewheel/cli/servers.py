"""Which Kafka and Redis a command reads: those at given addresses, or those of a run, going on or ended."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tidewheel.cli.options import kafka_at, kafka_option, redis_at, redis_option
from tidewheel.local.ended_run import RunServers, run_servers
from tidewheel.local.servers.run_servers import KAFKA, REDIS

ADDRESS_OPTIONS = {KAFKA: kafka_option, REDIS: redis_option}
DATA_DIR = "data_dir"


def servers_options(*wanted: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds `--data-dir` and the addresses of the wanted of KAFKA and REDIS; the command gets one `servers`, good for as
    long as it runs."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def called(*arguments: Any, **given: Any) -> Any:
            data_dir: Path | None = given.pop(DATA_DIR)
            addresses = {name: given.pop(name) for name in wanted}
            if data_dir is None:
                return command(*arguments, servers=RunServers(**addresses), **given)
            _refuse_both(wanted)
            with run_servers(data_dir, wanted, _print_to_stderr, {KAFKA: kafka_at, REDIS: redis_at}) as servers:
                return command(*arguments, servers=servers, **given)

        added = click.option(
            "--data-dir",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Read the run that keeps its data there instead, which changes nothing of it: one that goes on where "
            "it says that its servers listen; one that has ended by servers that are started for the moment.",
        )(called)
        for name in reversed(wanted):
            added = ADDRESS_OPTIONS[name](added)
        return added

    return decorate


def _refuse_both(wanted: tuple[str, ...]) -> None:
    """Raises UsageError where an address was typed beside a directory; one of the environment gives way."""
    context = click.get_current_context()
    typed = [name for name in wanted if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if typed:
        raise click.UsageError(f"--data-dir says where the servers are, so --{typed[0]} cannot be given beside it")


def _print_to_stderr(line: str) -> None:
    click.echo(f"tidewheel: {line}", err=True)
