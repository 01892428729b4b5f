"""Where a report's values come from: the run's events on the log, its record and model in the registry.

Either source may be away or know nothing of the run; the other one is enough, and what is missing becomes a sentence.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import click
from confluent_kafka import KafkaException

from tidewheel.cli.registry_access import CURRENT, current_seq, open_registry
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import TRAINING_RUNS
from tidewheel.domain.models import Model, ModelPointer, ModelRecord, Verdict
from tidewheel.domain.training import RunEvent
from tidewheel.evidence.pooling import pool_scorecards
from tidewheel.registry.redis_access import RedisServer
from tidewheel.registry.store import Registry, RegistryUnavailableError, VerificationError, VerificationFailure
from tidewheel.report.run_report import EvidenceSummary, RunSources
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.topic_admin import require_broker

READ_LIMIT_S = 15.0
NO_EVENTS = "The log holds no events of this run, so its steps, their times and its trials are not known."
NO_RECORD = "The registry holds no record of this run."
T = TypeVar("T")


@dataclass(slots=True)
class RunEventLog:
    """Events by instrument and window, in the order of the log. `error`: why some or all could not be read."""

    runs: dict[str, dict[int, list[RunEvent]]] = field(default_factory=dict)
    error: str = ""

    def seqs(self, instrument: str) -> Iterable[int]:
        return self.runs.get(instrument, {})

    def events(self, instrument: str, seq: int) -> tuple[RunEvent, ...]:
        return tuple(self.runs.get(instrument, {}).get(seq, ()))


class RegistryReader:
    """The registry, asked until it does not answer; `error` says so then, and nothing waits for it again. What cannot
    be read is said there too, and counts as not there."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._faults: dict[str, None] = {}
        self.is_away = False

    @property
    def error(self) -> str:
        return " ".join(self._faults)

    def query(self, call: Callable[[Registry], T]) -> T | None:
        if self.is_away:
            return None
        try:
            return call(self._registry)
        except RegistryUnavailableError as failure:
            self.is_away = True
            self._faults[f"The registry could not be asked: {failure}."] = None
        except VerificationError as error:
            self._faults[f"The registry holds something that cannot be read: {error.detail}."] = None
        return None


def load_sources(
    kafka: Broker, redis: RedisServer, instrument: str | None, which: str | None, now_ns: int
) -> RunSources:
    """All that is known of a run; `which` None is the newest. Raises ClickException where nothing is."""
    log = read_log(kafka)
    with open_registry(redis) as registry:
        reader = RegistryReader(registry)
        available = {*log.runs, *(reader.query(Registry.instruments) or ())}
        chosen = _instrument(instrument, available, (log.error, reader.error))
        found = reader.query(lambda registry: registry.records(chosen)) or []
        records = [one for one in found if isinstance(one, ModelRecord)]
        seq = _seq(reader, log, chosen, which, records)
        return _sources(reader, log, chosen, seq, records, now_ns)


def read_log(bootstrap: Broker) -> RunEventLog:
    """All of topic training-runs, as far as it can be read."""
    log, unreadable = RunEventLog(), 0
    try:
        require_broker(bootstrap)
        for message in read_to_end(bootstrap, TRAINING_RUNS.name, limit_s=READ_LIMIT_S):
            try:
                event = decode_run_event(message.value())
            except InvalidRecordError:
                unreadable += 1
            else:
                log.runs.setdefault(event.instrument, {}).setdefault(event.seq, []).append(event)
    except FatalError as failure:
        log.error = f"The log could not be read: {failure}."
    except KafkaException as failure:
        log.error = f"Topic {TRAINING_RUNS.name} could not be read: {failure.args[0].str()}."
    if unreadable:
        log.error += f" {unreadable} records of topic {TRAINING_RUNS.name} could not be decoded."
    return log


def _instrument(wanted: str | None, available: set[str], troubles: tuple[str, ...]) -> str:
    """The one wanted, or the only one. Raises ClickException."""
    names = ", ".join(sorted(available))
    why = " ".join(filter(None, troubles))
    if not available:
        raise click.ClickException(f"no training run is known yet. {why}".strip())
    if wanted is None and len(available) > 1:
        raise click.UsageError(f"say which with --instrument: {names}")
    if wanted is not None and wanted not in available:
        raise click.ClickException(f"no training run of {wanted} is known; there are runs of: {names}. {why}".strip())
    return wanted or next(iter(available))


def _seq(
    reader: RegistryReader, log: RunEventLog, instrument: str, which: str | None, records: list[ModelRecord]
) -> int:
    """The window that is meant. Raises ClickException where no such run is known."""
    available = {*log.seqs(instrument), *(record.seq for record in records)}
    if which == CURRENT:
        serving = reader.query(lambda registry: current_seq(registry, instrument))
        if serving is None:
            raise click.ClickException(reader.error)
        return serving
    seq = max(available, default=0) if which is None else int(which)
    if seq in available or reader.query(lambda registry: registry.record_of(instrument, seq)) is not None:
        return seq
    found = f"; known are {min(available)} to {max(available)}" if available else ""
    why = " ".join(filter(None, (log.error, reader.error)))
    raise click.ClickException(
        f"neither topic {TRAINING_RUNS.name} nor the registry knows run {seq} of {instrument}{found}. {why}".strip()
    )


def _sources(
    reader: RegistryReader, log: RunEventLog, instrument: str, seq: int, records: list[ModelRecord], now_ns: int
) -> RunSources:
    """What both sources say of one run."""
    events = log.events(instrument, seq)
    record = reader.query(lambda registry: registry.record_of(instrument, seq))
    model, model_error = reader.query(lambda registry: _model(registry, record)) or (None, "")
    pointer = reader.query(lambda registry: registry.current(instrument))
    candidate = reader.query(lambda registry: registry.candidate(instrument))
    return RunSources(
        *(instrument, seq, now_ns, events, record, model),
        log_error=log.error if log.error or events else NO_EVENTS,
        registry_error=reader.error if reader.error or record else NO_RECORD,
        model_error=model_error,
        serving=_serving(seq, pointer, candidate),
        before=summarize([one for one in records if one.seq < seq]) if not reader.is_away else None,
        now=summarize(records) if not reader.is_away else None,
    )


def _model(registry: Registry, record: ModelRecord | None) -> tuple[Model | None, str]:
    """The verified model of a record, or why there is none though one was made."""
    if record is None or not record.sha256:
        return None, ""
    try:
        return registry.load(record.instrument, record.seq), ""
    except VerificationError as error:
        if error.reason is not VerificationFailure.MISSING:
            return None, f"The model in the registry does not verify ({error.reason}): {error.detail}."
        kept = "no longer kept" if record.verdict is Verdict.PUBLISHED else "not kept, since it was not published"
        return None, f"The model's bytes are {kept}: its curves' source, coefficients and configuration are missing."


def _serving(seq: int, pointer: ModelPointer | None, candidate: ModelPointer | None) -> str:
    if pointer is not None and pointer.seq == seq:
        return f"This model serves now, at epoch {pointer.epoch}."
    if candidate is not None and candidate.seq == seq:
        return "This model is the candidate: kept beside the served one, and not served."
    return f"Model {pointer.seq} serves now." if pointer is not None else ""


def summarize(newest_first: list[ModelRecord]) -> EvidenceSummary:
    """The evidence that the scorecards of these records are."""
    pooled = pool_scorecards([record.scorecard for record in newest_first if record.scorecard])
    return EvidenceSummary(pooled.evidence, pooled.text)
