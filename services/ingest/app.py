"""The service: read a source, build market seconds, publish each when it is due, go on from the log after a restart."""

import json
import math
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from services.ingest.core import IngestCore, TimelineMismatchError
from services.ingest.kafka_log import LabelerLag, dead_letter_places, fetch_partition, last_second
from services.ingest.metrics import AccountRecorder, record_held_back
from services.ingest.pacing import ClockPacer, LagPacer, Pacer
from services.ingest.prefetch import prefetch_first
from services.ingest.publisher import IdempotentProducer, Publisher, StopRequestedError
from services.ingest.settings import Settings
from services.ingest.sources import Source
from services.ingest.sources.factory import open_source
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.account import account_lines, reasons_text
from tidewheel.recordings.merging import FILE_SHIFT
from tidewheel.recordings.place_mark import PlaceMark
from tidewheel.recordings.quotes import RawBatch, RejectedRow, SourceError, Watermark
from tidewheel.runtime.kafka import KAFKA, Clients
from tidewheel.runtime.process import Context, FatalError, UnrecoverableError

WAIT_STEP_S = 0.1
HEARTBEAT_EVERY_RECORDS = 512  # records, where nothing is waited for


def run(settings: Settings, context: Context) -> None:
    """Until the source ends or `stop` is set. Raises FatalError in one line for what a person can mend:
    UnrecoverableError where it is the source itself."""
    try:
        mark = _place_mark(settings)
        if mark.died_at:
            context.log.error("the process before this one ended at %s, which is now read line by line", mark.died_at)
        source = open_source(
            settings.feed,
            settings.reading(datetime.fromtimestamp(time.time(), UTC).year),
            mark,
            sim_seed=settings.sim_seed,
            sim_edge=settings.sim_edge,
            sim_flip_s=settings.sim_flip_s,
        )
        for layout in source.layouts():
            context.log.info("%s", layout)
        # What cannot be read at all is known before anything is said to run.
        items = prefetch_first(source.items())
        partition = fetch_partition(settings.kafka, settings.instrument_id)
        Ingest(settings, context, source, partition).run(items)
    except SourceError as failure:
        raise UnrecoverableError(str(failure)) from None
    except KafkaException as failure:
        raise FatalError(f"Kafka at {settings.kafka}: {failure.args[0].str()}") from None


def _place_mark(settings: Settings) -> PlaceMark:
    try:
        return PlaceMark(Path(settings.place_file) if settings.place_file else None)
    except OSError as failure:
        raise FatalError(f"{settings.place_file} cannot be written: {failure.strerror}") from None


class Ingest:
    """One run over one source."""

    def __init__(
        self, settings: Settings, context: Context, source: Source, partition: int, clients: Clients = KAFKA
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._context = context
        self._source = source
        self._partition = partition
        instrument, heartbeat = settings.instrument_id, context.health.heartbeat
        self._last_in_log = last_second(settings.kafka, instrument, partition, heartbeat, clients)
        reported = (
            dead_letter_places(settings.kafka, instrument, source.name, heartbeat, clients)
            if source.replayable
            else frozenset()
        )
        self._account_reported = 0
        self._account_metrics = AccountRecorder(instrument)
        self._core = IngestCore(
            instrument, source.kind, settings.rules, self._last_in_log, replayable=source.replayable
        )
        self._producer = IdempotentProducer(settings.kafka, self._keep_waiting, clients)
        self._publisher = Publisher(self._producer, instrument, source.kind, source.name, self._last_in_log, reported)

    def run(self, items: Iterable[RawBatch | Watermark]) -> None:
        last = self._last_in_log
        self._context.log.info("%s", f"goes on after second {last.second}" if last else "begins a new log")
        at_ns = last.last_tick_ns if last else 0
        with (
            closing(self._producer),
            closing(LabelerLag(self._settings.kafka, self._partition, self._producer.in_flight, self._clients)) as lag,
        ):
            try:
                self._publisher.publish_status(FeedEvent.CONNECTED, at_ns, self._source.name)
                self._publisher.publish_status(FeedEvent.SUBSCRIBED, at_ns, self._settings.instrument_id)
                self._context.health.ready()
                if self._publish_all(items, self._make_pacer(lag)):
                    self._on_source_end()
            except StopRequestedError:
                pass
            except BaseException:
                # What was published before is in the log; the failure is what counts.
                with suppress(KafkaException):
                    self._publisher.flush()
                raise
            self._publisher.flush()

    def _publish_all(self, items: Iterable[RawBatch | Watermark], pacer: Pacer) -> bool:
        """Whether the source came to its end."""
        try:
            for item in items:
                self._heartbeat()
                if not self._publish(self._core.on_item(item), pacer):
                    return False
                self._account_metrics.record(self._core.account)
                self._report_account()
                if not self._wait(0):
                    return False
            return self._publish(self._core.on_end(), pacer)
        except TimelineMismatchError as failure:
            what = f"{self._settings.feed} does not continue the log of {self._settings.instrument_id}"
            raise UnrecoverableError(f"{what}: {failure}") from None

    def _publish(self, records: Iterable[MarketSecond | RejectedRow], pacer: Pacer) -> bool:
        for number, record in enumerate(records):
            if number % HEARTBEAT_EVERY_RECORDS == 0:
                self._heartbeat()
            if isinstance(record, RejectedRow):
                self._reject(record)
            elif pacer.wait_until_due(record.second):
                self._publisher.publish_second(record)
            else:
                return False
        return True

    def _reject(self, row: RejectedRow) -> None:
        """Raises FatalError with what was rejected where it is too much; a file's rows will not get better."""
        if row.place >> FILE_SHIFT:  # of one of several files, which its number alone tells nobody
            row = replace(row, detail=f"{self._source.describe(row.place)}: {row.detail}")
        try:
            self._publisher.publish_rejected(row)
        except FatalError as failure:
            what = f"{self._settings.feed}: {failure}: {reasons_text(self._account())}"
            raise (UnrecoverableError if self._source.replayable else FatalError)(what) from None

    def _make_pacer(self, lag: LabelerLag) -> Pacer:
        speed = self._settings.speed
        if math.isinf(speed):
            held_back = partial(record_held_back, self._settings.instrument_id)
            return LagPacer(self._settings.ahead_max_s, lag, time.monotonic, self._wait, held_back)
        return ClockPacer(speed, time.monotonic, self._wait)

    def _wait(self, wait_s: float) -> bool:
        """Wait a moment at most; False when the service is to stop."""
        if wait_s > 0:
            self._heartbeat()
            self._context.stop.wait(min(wait_s, WAIT_STEP_S))
        return not self._context.stop.is_set()

    def _keep_waiting(self) -> bool:
        """Asked while the producer's queue is full."""
        self._context.health.heartbeat()
        return not self._context.stop.is_set()

    def _heartbeat(self) -> None:
        self._context.health.heartbeat()
        self._publisher.poll()

    def _on_source_end(self) -> None:
        self._account_metrics.record(self._core.account)
        last = self._publisher.last
        if self._core.first_tick_ns is None or last is None:
            reasons = reasons_text(self._account())
            raise SourceError(f"{self._settings.feed} holds no usable quote{reasons and f': {reasons}'}")
        if last is self._last_in_log:
            self._context.log.info("nothing new: the log holds all of %s already", self._settings.feed)
        self._report_account(whole=True)
        self._publisher.publish_status(FeedEvent.ENDED, (last.second + 1) * NS_PER_S, self._source.name)
        self._context.log.info("%s is done: %d quotes up to second %d", self._source.name, last.last_seq, last.second)

    def _account(self) -> dict[str, Any]:
        return self._core.account.as_dict(self._source.describe)

    def _report_account(self, *, whole: bool = False) -> None:
        """Report rows rejected and anomalies: the first, whenever they have doubled, and all at the end."""
        notable = self._core.account.notable
        if not whole and (not notable or notable < 2 * self._account_reported):
            return
        self._account_reported = notable
        account = self._account()
        last = self._publisher.last
        at_ns = (last.second + 1) * NS_PER_S if last else 0
        self._publisher.publish_status(FeedEvent.ACCOUNTED, at_ns, json.dumps(account))
        for line in account_lines(account):
            (self._context.log.warning if notable else self._context.log.info)("%s", line)
