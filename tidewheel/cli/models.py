"""`tidewheel models`: the registry, for people and for programs."""

import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Group
from rich.text import Text

from tidewheel.cli.model_check import check
from tidewheel.cli.model_diff import difference, difference_dict
from tidewheel.cli.model_views import description, evidence_section, listing, run_details_dict, run_dict
from tidewheel.cli.options import redis_option
from tidewheel.cli.registry_access import (
    CURRENT,
    find_model,
    find_record,
    instrument_option,
    json_option,
    load_runs,
    open_registry,
    pooled_scorecards,
    readable_records,
    require_one_instrument,
    select_instruments,
    which_argument,
)
from tidewheel.cli.servers import servers_options
from tidewheel.cli.tables import echo, separated
from tidewheel.domain.models import Model, ModelRecord
from tidewheel.local.ended_run import RunServers
from tidewheel.local.servers.run_servers import KAFKA, REDIS
from tidewheel.registry.redis_access import RedisServer
from tidewheel.registry.store import ModelPointer, Registry, WrongDirectionError

# Only a trainer trains: it is reached by name, as `tidewheel.cli.services` reaches the services.
REBUILD = "services.trainer.rebuild"


@click.group()
def models() -> None:
    """List, show, compare, check, promote, roll back, make again and export the models of the registry.

    Where predictors ask for signatures, TIDEWHEEL_HMAC_KEY must hold the key: what these commands write is signed with
    it, and what they read must be.
    """


models.add_command(check)


@models.command("list")
@instrument_option
@servers_options(REDIS)
@json_option
def list_models(instrument: str | None, servers: RunServers, as_json: bool) -> None:
    """A line a training run, newest first, refused and failed ones too.

    P is precision, R recall, both at the model's own threshold; "next" is how it did on the window after its own,
    "online" the online baseline on a sample of those rows. A star marks the serving model, a c the candidate: kept as
    not proven, `promote` makes it serve.
    """
    with open_registry(servers.redis) as registry:
        chosen = select_instruments(registry, instrument)
        runs = {name: load_runs(registry, name, readable_records(registry, name)) for name in chosen}
    if as_json:
        click.echo(json.dumps([run_dict(run) for one in runs.values() for run in one]))
    elif not runs:
        click.echo("no models yet")
    for name, one in runs.items() if not as_json else ():
        evidence = evidence_section(pooled_scorecards([run.record for run in one]), "of the last models")
        echo(separated((Group(Text(name), listing(one, time.time_ns())), evidence)))


@models.command()
@which_argument("which")
@instrument_option
@servers_options(REDIS)
@json_option
def show(which: str, instrument: str | None, servers: RunServers, as_json: bool) -> None:
    """Everything about one model: figures, settings, lineage, and how it did on its next window."""
    with open_registry(servers.redis) as registry:
        chosen = require_one_instrument(registry, instrument)
        (run,) = load_runs(registry, chosen, [find_record(registry, chosen, which)])
        pooled = pooled_scorecards(readable_records(registry, chosen), run.record.seq)
    if as_json:
        click.echo(json.dumps(run_details_dict(run, pooled)))
    else:
        echo(description(run, time.time_ns(), pooled))


@models.command()
@which_argument("first")
@which_argument("second")
@instrument_option
@servers_options(REDIS)
@json_option
def diff(first: str, second: str, instrument: str | None, servers: RunServers, as_json: bool) -> None:
    """Two models side by side: settings, figures, and how alike their weights are."""
    with open_registry(servers.redis) as registry:
        chosen = require_one_instrument(registry, instrument)
        one, other = (find_model(registry, chosen, which) for which in (first, second))
    if as_json:
        click.echo(json.dumps(difference_dict(one, other)))
    else:
        echo(difference(one, other))


@models.command()
@click.argument("seq", type=click.IntRange(min=1))
@instrument_option
@redis_option
def rollback(seq: int, instrument: str | None, redis: RedisServer) -> None:
    """Serve an older model again, until the next new window publishes.

    The pointer gets a new epoch, and predictors follow within two seconds. A restarted trainer cannot undo it.
    """
    _point(Registry.rollback, "promote", seq, instrument, redis)


@models.command()
@click.argument("seq", type=click.IntRange(min=1))
@instrument_option
@redis_option
def promote(seq: int, instrument: str | None, redis: RedisServer) -> None:
    """Serve a newer model that is kept but does not serve, like the candidate.

    The pointer gets a new epoch, and predictors follow within two seconds. A restarted trainer cannot undo it. The
    model's verdict stays what it was; the star in `list` says that it serves. The next window that is published takes
    its place: with TIDEWHEEL_PROMOTION=proven one that is shown better than this very model.
    """
    _point(Registry.promote, "rollback", seq, instrument, redis)


def _point(
    move: Callable[[Registry, str, int], ModelPointer], other: str, seq: int, instrument: str | None, redis: RedisServer
) -> None:
    """`other`: the command for the other direction."""
    with open_registry(redis) as registry:
        chosen = require_one_instrument(registry, instrument)
        find_model(registry, chosen, str(seq))
        try:
            pointer = move(registry, chosen, seq)
        except WrongDirectionError as wrong:
            raise click.ClickException(f"{wrong}; see `tidewheel models {other}`") from None
    click.echo(f"model {pointer.seq} of {chosen} serves at epoch {pointer.epoch}")


@models.command()
@which_argument("which")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File to write; its suffix says how: .json (coefficients by name) or .onnx.",
)
@instrument_option
@servers_options(REDIS)
def export(which: str, out: Path, instrument: str | None, servers: RunServers) -> None:
    """Write a model to a .json or .onnx file."""
    from tidewheel.cli.model_export import FORMATS

    if out.suffix not in FORMATS:
        raise click.BadParameter(f"{out} must end in {' or '.join(FORMATS)}", param_hint="--out")
    with open_registry(servers.redis) as registry:
        chosen = require_one_instrument(registry, instrument)
        model, record = find_model(registry, chosen, which)
    payload = FORMATS[out.suffix](model, record)
    try:
        out.write_bytes(payload)
    except OSError as failure:
        raise click.ClickException(f"{out} cannot be written: {failure.strerror}") from None
    click.echo(f"model {model.seq} of {chosen} in {out}")


@models.command()
@which_argument("which")
@instrument_option
@servers_options(KAFKA, REDIS)
def rebuild(which: str, instrument: str | None, servers: RunServers) -> None:
    """Train a model again from the log alone, and compare the bytes.

    What it was made of is read from Redis; where that does not have the model any more, from what its run told on
    topic training-runs. Exit code 0 if the bytes are the same, 1 if they are not or the rows are gone. Nothing is
    published.
    """
    from confluent_kafka import KafkaException

    trainer, name = import_module(REBUILD), f"model {which}"
    try:
        origin, known = _origin(trainer, which, instrument, servers)
        name = f"model {origin.seq} of {origin.instrument}"
        lineage = origin.lineage
        click.echo(
            f"reading examples {lineage.first_example_seq:,} to {lineage.last_example_seq:,} of {origin.instrument} …",
            err=True,
        )
        rebuilt = trainer.rebuild(servers.kafka, origin)
    except trainer.RebuildError as failure:
        raise click.ClickException(f"{name} cannot be made again: {failure}") from None
    except KafkaException as failure:
        raise click.ClickException(f"Kafka at {servers.kafka} cannot be read: {failure.args[0].str()}") from None
    if rebuilt.sha256 != origin.sha256:
        if known is not None:
            echo(difference(known, (rebuilt.model, known[1])))
        raise click.ClickException(
            f"other bytes: sha256 {rebuilt.sha256[:16]}… instead of {origin.sha256[:16]}…; "
            "on another kind of processor the last bits may differ"
        )
    click.echo(f"{name}: the same bytes, sha256 {origin.sha256}")


def _origin(
    trainer: Any, which: str, instrument: str | None, servers: RunServers
) -> tuple[Any, tuple[Model, ModelRecord] | None]:
    """What a model was made of; and the model with its record, where the registry has it."""
    try:
        with open_registry(servers.redis) as registry:
            model, record = find_model(registry, require_one_instrument(registry, instrument), which)
    except click.UsageError:
        raise
    except click.ClickException as failure:
        if which == CURRENT:
            raise
        click.echo(f"{failure.message}; asking topic training-runs what it was made of", err=True)
        return trainer.origin_on_log(servers.kafka, int(which), instrument), None
    return trainer.ModelOrigin.of(model, record), (model, record)
