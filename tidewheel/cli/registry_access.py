"""What every `tidewheel models` command begins with: the registry opened, one instrument, one model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from tidewheel.cli.model_views import RegisteredRun
from tidewheel.cli.options import INSTRUMENT_ID, SettingsUsageError
from tidewheel.domain.models import Model, ModelRecord, Verdict
from tidewheel.evidence.pooled_scorecards import PooledScorecards
from tidewheel.evidence.pooling import pool_scorecards
from tidewheel.registry.redis_access import RedisServer
from tidewheel.registry.settings import SigningSettings
from tidewheel.registry.store import Registry, RegistryUnavailableError, VerificationError, VerificationFailure
from tidewheel.runtime.process import settings_of
from tidewheel.runtime.settings import SettingsError

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
CURRENT = "current"

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
instrument_option = click.option(
    "--instrument", metavar="ID", type=INSTRUMENT_ID, help="Instrument id, like sim:BTC-USD. Default: all there are."
)


def which_argument(name: str) -> Callable[[F], F]:
    """Adds an argument that names a model: a window's number, or `current`."""
    return click.argument(name, metavar="SEQ|current", callback=check_model_reference)


def check_model_reference(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """What names a model, if anything does."""
    if value is not None and value != CURRENT and not value.isdecimal():
        raise click.BadParameter(f"{value!r} must be a window's number, or the word current")
    return value


@contextmanager
def open_registry(server: RedisServer) -> Iterator[Registry]:
    """A registry, with its failures as one clear line. The key comes from the environment: others see what is typed."""
    try:
        registry = Registry.connect(server, settings_of(SigningSettings).signing_key)
    except SettingsError as failure:
        raise SettingsUsageError(str(failure)) from None
    try:
        yield registry
    except RegistryUnavailableError as failure:
        raise click.ClickException(str(failure)) from None
    except VerificationError as failure:
        raise click.ClickException(f"the registry holds something that cannot be read: {failure.detail}") from None
    finally:
        registry.close()


def readable(call: Callable[[], T], otherwise: T) -> T:
    """What a call answers; where it meets damage, a line on standard error and `otherwise`: damage concerns its own."""
    try:
        return call()
    except VerificationError as failure:
        click.echo(f"tidewheel: {failure.detail}", err=True)
        return otherwise


def readable_records(registry: Registry, instrument: str) -> list[ModelRecord]:
    """The instrument's records, newest first; a line on standard error for each that cannot be read."""
    nothing: list[ModelRecord | VerificationError] = []
    records = readable(lambda: registry.records(instrument), nothing)
    for record in records:
        if isinstance(record, VerificationError):
            click.echo(f"tidewheel: {record.detail}", err=True)
    return [record for record in records if not isinstance(record, VerificationError)]


def select_instruments(registry: Registry, wanted: str | None) -> list[str]:
    """The one wanted, or all. Raises ClickException for one not known."""
    known = registry.instruments()
    if wanted is None:
        return known
    if wanted not in known:
        raise click.ClickException(f"no models of {wanted}; there are models of: {', '.join(known) or 'nothing yet'}")
    return [wanted]


def require_one_instrument(registry: Registry, wanted: str | None) -> str:
    """Exactly one."""
    chosen = select_instruments(registry, wanted)
    if not chosen:
        raise click.ClickException("no models yet")
    if len(chosen) > 1:
        raise click.UsageError(f"say which with --instrument: {', '.join(chosen)}")
    return chosen[0]


def current_seq(registry: Registry, instrument: str) -> int:
    """The model that serves."""
    pointer = registry.current(instrument)
    if pointer is None:
        raise click.ClickException(f"no model of {instrument} serves yet")
    return pointer.seq


def load_runs(registry: Registry, instrument: str, records: list[ModelRecord]) -> list[RegisteredRun]:
    """Runs with their verified models, where they have one."""
    current = readable(lambda: registry.current(instrument), None)
    candidate = readable(lambda: registry.candidate(instrument), None)
    runs = []
    for record in records:
        serves = current is not None and current.seq == record.seq
        model, verification_failure = None, None
        try:
            model = registry.load(instrument, record.seq) if record.sha256 else None
        except VerificationError as failure:
            # The record of an old run outlives its bytes; only the serving model must not lack them.
            verification_failure = (
                failure.reason if serves or failure.reason is not VerificationFailure.MISSING else None
            )
        is_candidate = candidate is not None and candidate.seq == record.seq
        runs.append(
            RegisteredRun(
                record,
                model,
                verification_failure,
                current.epoch if current is not None and serves else None,
                is_candidate,
            )
        )
    return runs


def pooled_scorecards(newest_first: list[ModelRecord], before: int | None = None) -> PooledScorecards:
    """The pooled record of the models before a window, or of all."""
    return pool_scorecards(
        [one.scorecard for one in newest_first if one.scorecard and (before is None or one.seq < before)]
    )


def find_record(registry: Registry, instrument: str, which: str) -> ModelRecord:
    """The record of the run that an argument names."""
    seq = current_seq(registry, instrument) if which == CURRENT else int(which)
    record = registry.record_of(instrument, seq)
    if record is None:
        raise click.ClickException(
            f"nothing is known of model {seq} of {instrument}; `tidewheel models list` shows all"
        )
    return record


def find_model(registry: Registry, instrument: str, which: str) -> tuple[Model, ModelRecord]:
    """The verified model that an argument names, and its record."""
    record = find_record(registry, instrument, which)
    if not record.sha256:
        raise click.ClickException(f"run {record.seq} of {instrument} was {record.verdict}: it left no model")
    try:
        return registry.load(instrument, record.seq), record
    except VerificationError as failure:
        if failure.reason is not VerificationFailure.MISSING or record.verdict is Verdict.PUBLISHED:
            raise
        why = f"its run was {record.verdict} ({record.reason})"
        raise click.ClickException(f"model {record.seq} of {instrument} is not kept: {why}") from None
