"""`tidewheel models`: the registry, for people and for programs."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tidewheel.cli.model_views import Run, description, detailed_facts, facts, listing
from tidewheel.cli.options import redis_option
from tidewheel.domain.market import check_instrument
from tidewheel.domain.models import ModelRecord
from tidewheel.registry.client import checked_url
from tidewheel.registry.store import Doubt, Registry, RegistryUnavailable, Unverified

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
instrument_option = click.option(
    "--instrument", metavar="ID", help="Instrument id, like sim:BTC-USD. Default: all there are."
)


@click.group()
def models() -> None:
    """List and show the models of the registry."""


@models.command("list")
@instrument_option
@redis_option
@json_option
def list_models(instrument: str | None, redis: str, as_json: bool) -> None:
    """A line a training run, newest first, refused and failed ones too.

    P is precision, R recall, both at the model's own threshold; "next" is how it did on the window after its own.
    A star marks the serving model, a c the candidate.
    """
    with opened(redis) as registry:
        chosen = known_instruments(registry, instrument)
        runs = {name: runs_of(registry, name, readable(registry.records(name))) for name in chosen}
    if as_json:
        click.echo(json.dumps([facts(run) for one in runs.values() for run in one]))
    elif not runs:
        click.echo("no models yet")
    for name, one in runs.items() if not as_json else ():
        click.echo(f"{name}\n{listing(one, time.time_ns())}")


@models.command()
@click.argument("which", metavar="SEQ|current")
@instrument_option
@redis_option
@json_option
def show(which: str, instrument: str | None, redis: str, as_json: bool) -> None:
    """Everything about one model: figures, settings, lineage, and how it did on its next window."""
    if which != "current" and not which.isdecimal():
        raise click.BadParameter(f"{which!r} must be a window's number, or the word current", param_hint="SEQ|current")
    with opened(redis) as registry:
        chosen = the_instrument(registry, instrument)
        seq = serving_seq(registry, chosen) if which == "current" else int(which)
        record = registry.record_of(chosen, seq)
        if record is None:
            raise click.ClickException(
                f"nothing is known of model {seq} of {chosen}; `tidewheel models list` shows all"
            )
        (run,) = runs_of(registry, chosen, [record])
    click.echo(json.dumps(detailed_facts(run)) if as_json else description(run, time.time_ns()))


@contextmanager
def opened(url: str) -> Iterator[Registry]:
    """A registry, with its failures as one clear line."""
    try:
        registry = Registry.connect(checked_url(url))
    except ValueError as failure:
        raise click.BadParameter(str(failure), param_hint="--redis") from None
    try:
        yield registry
    except RegistryUnavailable as failure:
        raise click.ClickException(str(failure)) from None
    except Unverified as failure:
        raise click.ClickException(f"the registry holds something that cannot be read: {failure.detail}") from None
    finally:
        registry.close()


def readable(records: list[ModelRecord | Unverified]) -> list[ModelRecord]:
    """The records; a line on standard error for each that cannot be read."""
    for record in records:
        if isinstance(record, Unverified):
            click.echo(f"tidewheel: {record.detail}", err=True)
    return [record for record in records if not isinstance(record, Unverified)]


def known_instruments(registry: Registry, wanted: str | None) -> list[str]:
    """The one wanted, or all. Raises UsageError for one that is none, ClickException for one not known."""
    known = registry.instruments()
    if wanted is None:
        return known
    try:
        check_instrument(wanted)
    except ValueError as failure:
        raise click.BadParameter(str(failure), param_hint="--instrument") from None
    if wanted not in known:
        raise click.ClickException(f"no models of {wanted}; there are models of: {', '.join(known) or 'nothing yet'}")
    return [wanted]


def the_instrument(registry: Registry, wanted: str | None) -> str:
    """Exactly one."""
    chosen = known_instruments(registry, wanted)
    if not chosen:
        raise click.ClickException("no models yet")
    if len(chosen) > 1:
        raise click.UsageError(f"say which with --instrument: {', '.join(chosen)}")
    return chosen[0]


def serving_seq(registry: Registry, instrument: str) -> int:
    """The model that serves."""
    pointer = registry.current(instrument)
    if pointer is None:
        raise click.ClickException(f"no model of {instrument} serves yet")
    return pointer.seq


def runs_of(registry: Registry, instrument: str, records: list[ModelRecord]) -> list[Run]:
    """Runs with their verified models, where they have one."""
    current, candidate = registry.current(instrument), registry.candidate(instrument)
    runs = []
    for record in records:
        serves = current is not None and current.seq == record.seq
        model, doubt = None, None
        try:
            model = registry.load(instrument, record.seq) if record.sha256 else None
        except Unverified as failure:
            # The record of an old run outlives its bytes; only the serving model must not lack them.
            doubt = failure.reason if serves or failure.reason is not Doubt.MISSING else None
        is_candidate = candidate is not None and candidate.seq == record.seq
        runs.append(Run(record, model, doubt, current.epoch if current is not None and serves else None, is_candidate))
    return runs
