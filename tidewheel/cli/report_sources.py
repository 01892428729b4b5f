"""Where a report's values come from: the run's events on the log, its record and model in the registry.

Either source may be away or know nothing of the run; the other one is enough, and what is missing becomes a sentence.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import click
from confluent_kafka import KafkaException

from tidewheel.cli.registry_access import CURRENT, opened, serving_seq
from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import TRAINING_RUNS
from tidewheel.domain.models import Model, ModelRecord, Verdict
from tidewheel.domain.training import RunEvent
from tidewheel.registry.pointer import Pointer
from tidewheel.registry.store import Doubt, Registry, RegistryUnavailable, Unverified
from tidewheel.report.story import Known, Weighed
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.process import Unusable
from tidewheel.runtime.topic_admin import require_broker

READ_LIMIT_S = 15.0
NO_EVENTS = "The log holds no events of this run, so its steps, their times and its trials are not known."
NO_RECORD = "The registry holds no record of this run."
T = TypeVar("T")


@dataclass(slots=True)
class Log:
    """Events by instrument and window, in the order of the log. `trouble`: why some or all could not be read."""

    runs: dict[str, dict[int, list[RunEvent]]] = field(default_factory=dict)
    trouble: str = ""

    def seqs(self, instrument: str) -> Iterable[int]:
        return self.runs.get(instrument, {})

    def events(self, instrument: str, seq: int) -> tuple[RunEvent, ...]:
        return tuple(self.runs.get(instrument, {}).get(seq, ()))


class Shelf:
    """The registry, asked until it does not answer; `trouble` says so then, and nothing waits for it again."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.trouble = ""

    def ask(self, call: Callable[[Registry], T]) -> T | None:
        if self.trouble:
            return None
        try:
            return call(self._registry)
        except RegistryUnavailable as failure:
            self.trouble = f"The registry could not be asked: {failure}."
        except Unverified as doubt:
            self.trouble = f"The registry holds something that cannot be read: {doubt.detail}."
        return None


def known(kafka: str, redis: str, instrument: str | None, which: str | None, now_ns: int) -> Known:
    """All that is known of a run; `which` None is the newest. Raises ClickException where nothing is."""
    log = read_log(kafka)
    with opened(redis) as registry:
        shelf = Shelf(registry)
        there = {*log.runs, *(shelf.ask(Registry.instruments) or ())}
        chosen = _instrument(instrument, there, (log.trouble, shelf.trouble))
        told = shelf.ask(lambda registry: registry.records(chosen)) or []
        records = [one for one in told if isinstance(one, ModelRecord)]
        seq = _seq(shelf, log, chosen, which, records)
        return _told(shelf, log, chosen, seq, records, now_ns)


def read_log(bootstrap: str) -> Log:
    """All of topic training-runs, as far as it can be read."""
    log, unreadable = Log(), 0
    try:
        require_broker(bootstrap)
        for message in read_to_end(bootstrap, TRAINING_RUNS.name, limit_s=READ_LIMIT_S):
            try:
                event = decode_run_event(message.value())
            except BadRecord:
                unreadable += 1
            else:
                log.runs.setdefault(event.instrument, {}).setdefault(event.seq, []).append(event)
    except Unusable as failure:
        log.trouble = f"The log could not be read: {failure}."
    except KafkaException as failure:
        log.trouble = f"Topic {TRAINING_RUNS.name} could not be read: {failure.args[0].str()}."
    if unreadable:
        log.trouble += f" {unreadable} records of topic {TRAINING_RUNS.name} could not be decoded."
    return log


def _instrument(wanted: str | None, there: set[str], troubles: tuple[str, ...]) -> str:
    """The one wanted, or the only one. Raises ClickException."""
    names = ", ".join(sorted(there))
    why = " ".join(filter(None, troubles))
    if not there:
        raise click.ClickException(f"no training run is known yet. {why}".strip())
    if wanted is None and len(there) > 1:
        raise click.UsageError(f"say which with --instrument: {names}")
    if wanted is not None and wanted not in there:
        raise click.ClickException(f"no training run of {wanted} is known; there are runs of: {names}. {why}".strip())
    return wanted or next(iter(there))


def _seq(shelf: Shelf, log: Log, instrument: str, which: str | None, records: list[ModelRecord]) -> int:
    """The window that is meant. Raises ClickException where no such run is known."""
    there = {*log.seqs(instrument), *(record.seq for record in records)}
    if which == CURRENT:
        serving = shelf.ask(lambda registry: serving_seq(registry, instrument))
        if serving is None:
            raise click.ClickException(shelf.trouble)
        return serving
    seq = max(there, default=0) if which is None else int(which)
    if seq in there or shelf.ask(lambda registry: registry.record_of(instrument, seq)) is not None:
        return seq
    told = f"; known are {min(there)} to {max(there)}" if there else ""
    why = " ".join(filter(None, (log.trouble, shelf.trouble)))
    raise click.ClickException(
        f"neither topic {TRAINING_RUNS.name} nor the registry knows run {seq} of {instrument}{told}. {why}".strip()
    )


def _told(shelf: Shelf, log: Log, instrument: str, seq: int, records: list[ModelRecord], now_ns: int) -> Known:
    """Both witnesses' words on one run."""
    events = log.events(instrument, seq)
    record = shelf.ask(lambda registry: registry.record_of(instrument, seq))
    model, model_trouble = shelf.ask(lambda registry: _model(registry, record)) or (None, "")
    pointer = shelf.ask(lambda registry: registry.current(instrument))
    candidate = shelf.ask(lambda registry: registry.candidate(instrument))
    return Known(
        *(instrument, seq, now_ns, events, record, model),
        log_trouble=log.trouble if log.trouble or events else NO_EVENTS,
        registry_trouble=shelf.trouble if shelf.trouble or record else NO_RECORD,
        model_trouble=model_trouble,
        serving=_serving(seq, pointer, candidate),
        before=_weighed([one for one in records if one.seq < seq]) if not shelf.trouble else None,
        now=_weighed(records) if not shelf.trouble else None,
    )


def _model(registry: Registry, record: ModelRecord | None) -> tuple[Model | None, str]:
    """The verified model of a record, or why there is none though one was made."""
    if record is None or not record.sha256:
        return None, ""
    try:
        return registry.load(record.instrument, record.seq), ""
    except Unverified as doubt:
        if doubt.reason is not Doubt.MISSING:
            return None, f"The model in the registry does not verify ({doubt.reason}): {doubt.detail}."
        kept = "no longer kept" if record.verdict is Verdict.PUBLISHED else "not kept, since it was not published"
        return None, f"The model's bytes are {kept}: its curves' source, coefficients and configuration are missing."


def _serving(seq: int, pointer: Pointer | None, candidate: Pointer | None) -> str:
    if pointer is not None and pointer.seq == seq:
        return f"This model serves now, at epoch {pointer.epoch}."
    if candidate is not None and candidate.seq == seq:
        return "This model is the candidate: kept beside the served one, and not served."
    return f"Model {pointer.seq} serves now." if pointer is not None else ""


def _weighed(newest_first: list[ModelRecord]) -> Weighed:
    # It brings river, which takes a second to load.
    from services.trainer.evidence import weigh

    pooled = weigh([record.scorecard for record in newest_first if record.scorecard])
    return Weighed(pooled.evidence, pooled.words)
