"""Where the report of a whole run has its values from: all topics that tell of it, and the registry's records."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import click
from confluent_kafka import KafkaException

from tidewheel.cli.registry_access import open_registry
from tidewheel.cli.report_sources import RegistryReader, RunEventLog, read_log, summarize
from tidewheel.contracts.codecs.market import DeadLetter, FeedEvent, FeedStatus
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import DEAD_LETTERS, FEED_STATUS, LABELER_STATE, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.models import ModelRecord
from tidewheel.local.log_check import OnProgress, reporting
from tidewheel.local.monitoring.collector import RawRecord, decoded
from tidewheel.local.monitoring.observed import InstrumentState, ObservedSystem
from tidewheel.local.processes.services import INGEST
from tidewheel.recordings.account import account_lines
from tidewheel.registry.redis_access import RedisServer
from tidewheel.registry.store import Registry
from tidewheel.report.run_report import RunReport, RunSources
from tidewheel.report.whole_run import FeedChange, InstrumentHistory, MarketTotals, RejectedRecords, WholeRun
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.topic_admin import require_broker

READ_LIMIT_S = 30.0
COUNTED = (TICKS.name, ORDERS.name, TRANSACTIONS.name, LABELER_STATE.name)


@dataclass(slots=True)
class TopicFindings:
    """What the topics tell, and why some do not: a sentence each. `rejected`: by service, source and reason."""

    instrument: str | None
    observed: ObservedSystem = field(default_factory=ObservedSystem)
    rejected: dict[tuple[str, str, str], RejectedRecords] = field(default_factory=dict)
    feed: list[FeedStatus] = field(default_factory=list)
    undecodable: int = 0
    errors: list[str] = field(default_factory=list)
    _dead_letters: set[bytes] = field(default_factory=set)

    def take(self, raw: RawRecord) -> None:
        """Take in one record of any topic; one that cannot be decoded is counted."""
        try:
            value = decoded(raw)
        except InvalidRecordError:
            self.undecodable += 1
            return
        if isinstance(value, DeadLetter):
            self._take_dead_letter(value)
        elif value is not None:
            self.observed.on_record(value)
        if isinstance(value, FeedStatus) and value.event is not FeedEvent.ACCOUNTED:
            self.feed.append(value)

    def _take_dead_letter(self, dead_letter: DeadLetter) -> None:
        """One that was written again after a crash counts once."""
        whose = dead_letter.instrument or dead_letter.key.decode(errors="replace")
        if dead_letter.dedup_key in self._dead_letters or self.instrument not in (None, whose):
            return
        self._dead_letters.add(dead_letter.dedup_key)
        key = dead_letter.service, dead_letter.source, str(dead_letter.reason)
        # Of a file's row only the number is of use, of a record its partition too.
        at = (
            f"{dead_letter.offset:,}"
            if dead_letter.service == INGEST
            else f"{dead_letter.partition}:{dead_letter.offset}"
        )
        known = self.rejected.get(key) or RejectedRecords(*key, 0, at, at, dead_letter.detail)
        self.rejected[key] = replace(known, count=known.count + 1, last=at)


def load_whole_run(
    kafka: Broker, redis: RedisServer, instrument: str | None, now_ns: int, progress: OnProgress
) -> WholeRun:
    """Everything that is known of a run, of one instrument or of all. Raises ClickException where nothing is."""
    log = read_log(kafka)
    found = TopicFindings(instrument, errors=[log.error] if log.error else [])
    if not log.error:
        _read_topics(kafka, found, progress)
    with open_registry(redis) as registry:
        reader = RegistryReader(registry)
        names = {*log.runs, *found.observed.instruments, *(reader.query(Registry.instruments) or ())}
        chosen = _chosen(names, instrument, (*found.errors, reader.error))
        histories = tuple(_history(name, log, found, reader, now_ns) for name in chosen)
        gaps = (*found.errors, *filter(None, [reader.error]))
    most_first = sorted(found.rejected.values(), key=lambda one: -one.count)
    return WholeRun(now_ns, histories, tuple(most_first), gaps)


def _chosen(names: set[str], wanted: str | None, troubles: Iterable[str]) -> list[str]:
    why = " ".join(filter(None, troubles))
    if wanted is not None and wanted not in names:
        raise click.ClickException(
            f"nothing is known of {wanted}; known are: {', '.join(sorted(names))}. {why}".strip()
        )
    if not names:
        raise click.ClickException(f"nothing is known of any instrument yet. {why}".strip())
    return [wanted] if wanted else sorted(names)


def _read_topics(bootstrap: Broker, found: TopicFindings, progress: OnProgress) -> None:
    for topic in (*COUNTED, FEED_STATUS.name, DEAD_LETTERS.name):
        try:
            require_broker(bootstrap)
            for message in reporting(topic, read_to_end(bootstrap, topic, limit_s=READ_LIMIT_S), progress):
                found.take(RawRecord(topic, message.key(), message.value()))
        except KafkaException as failure:
            found.errors.append(f"Topic {topic} could not be read: {failure.args[0].str()}.")
        except FatalError as failure:
            found.errors.append(f"Topic {topic} could not be read: {failure}.")
            return
    if found.undecodable:
        found.errors.append(f"{found.undecodable} records could not be decoded.")


def _history(
    name: str, log: RunEventLog, found: TopicFindings, reader: RegistryReader, now_ns: int
) -> InstrumentHistory:
    records = [
        one for one in reader.query(lambda registry: registry.records(name)) or [] if isinstance(one, ModelRecord)
    ]
    by_seq = {record.seq: record for record in records}
    pointer = reader.query(lambda registry: registry.current(name))
    windows = tuple(
        RunReport(RunSources(name, seq, now_ns, log.events(name, seq), by_seq.get(seq)))
        for seq in sorted({*by_seq, *log.seqs(name)})
    )
    state = found.observed.instruments.get(name)
    return InstrumentHistory(
        name,
        totals(state) if state else MarketTotals(),
        windows,
        pointer.seq if pointer else 0,
        summarize(records) if records else None,
        feed_changes(one for one in found.feed if one.instrument == name),
        tuple(account_lines(state.market.account)) if state and state.market.account else (),
    )


def totals(state: InstrumentState) -> MarketTotals:
    """What was counted of an instrument."""
    market, orders = state.market, state.orders
    return MarketTotals(
        *(market.first_second, market.second, market.bars, market.ticks),
        *(orders.placed, orders.open, orders.examples),
        outcomes={outcome.name: n for outcome, n in sorted(orders.outcomes.items())},
        not_placed={reason.name.lower(): n for reason, n in sorted(orders.not_placed.items())},
    )


def feed_changes(statuses: Iterable[FeedStatus]) -> tuple[FeedChange, ...]:
    """A line a kind of event, in the order in which they first came."""
    found: dict[str, FeedChange] = {}
    for one in statuses:
        name = one.event.name.lower()
        known = found.get(name, FeedChange(name, 0, one.time_ns, 0, ""))
        found[name] = FeedChange(name, known.count + 1, known.first_ns, one.time_ns, one.detail)
    return tuple(found.values())
