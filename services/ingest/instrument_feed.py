"""One instrument of a source: its way from rows to records, and the account that is given of its rows."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from services.ingest.core import IngestCore, TimelineMismatchError
from services.ingest.interleaving import Record
from services.ingest.metrics import AccountRecorder
from services.ingest.publisher import IdempotentProducer, Publisher
from services.ingest.seconds import SessionRules
from services.ingest.sources import Source
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.account import account_lines, reasons_text
from tidewheel.recordings.merging import FILE_SHIFT
from tidewheel.recordings.quotes import RawBatch, RejectedRow, Watermark
from tidewheel.runtime.process import FatalError, UnrecoverableError
from tidewheel.telemetry.logs import Log
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Tracer
from tidewheel.venues.rows import FeedChange

Records = Callable[[], Iterator[Record]]


class InstrumentFeed:
    """Goes on after the newest record of the log. `feed`: what the source is called; `reported`: places of rows that
    are dead letters already; `named`: whether its lines say which instrument it is, since there are others."""

    def __init__(
        self,
        instrument: str,
        feed: str,
        source: Source,
        rules: SessionRules,
        producer: IdempotentProducer,
        log: Log,
        last: MarketSecond | None,
        reported: frozenset[bytes],
        *,
        named: bool,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self.instrument = instrument
        self._feed = feed
        self._source = source
        self._log = log
        self._log_prefix = f"{instrument}: " if named else ""
        self._last_in_log = last
        self._account_reported = 0
        self._account_metrics = AccountRecorder(instrument)
        self._core = IngestCore(instrument, source.kind, rules, last, replayable=source.replayable)
        self._publisher = Publisher(producer, instrument, source.kind, source.name, last, reported, tracer)

    @property
    def quoted(self) -> bool:
        """Whether the source has had a usable quote of it."""
        return self._core.first_tick_ns is not None

    def begin(self) -> None:
        """Say that it is connected, and where it goes on. A live source says by itself when it is connected."""
        last = self._last_in_log
        self._log_info(f"goes on after second {last.second}" if last else "begins a new log")
        if self._source.kind is SourceKind.LIVE:
            return
        at_ns = last.last_tick_ns if last else 0
        self._publisher.publish_status(FeedEvent.CONNECTED, at_ns, self._source.name)
        self._publisher.publish_status(FeedEvent.SUBSCRIBED, at_ns, self.instrument)

    def records(self, items: Iterable[RawBatch | FeedChange | Watermark]) -> Iterator[Record]:
        """What comes of them. Raises UnrecoverableError where they do not continue the log, SourceError."""
        return self._continuing(lambda: (record for item in items for record in self._on_item(item)))

    def _on_item(self, item: RawBatch | FeedChange | Watermark) -> Iterator[Record]:
        return iter((item,)) if isinstance(item, FeedChange) else self._core.on_item(item)

    def last_records(self) -> Iterator[Record]:
        """What comes of the source's end. Raises as `records` does."""
        return self._continuing(self._core.on_end)

    def _continuing(self, records: Records) -> Iterator[Record]:
        try:
            yield from records()
        except TimelineMismatchError as failure:
            what = f"{self._feed} does not continue the log of {self.instrument}"
            raise UnrecoverableError(f"{what}: {failure}") from None

    def publish(self, record: Record) -> None:
        """Write it. Raises FatalError with what was rejected where it is too much; a file's rows will not get
        better."""
        if isinstance(record, MarketSecond):
            self._publisher.publish_second(record)
        elif isinstance(record, FeedChange):
            epoch = self._core.epochs_before + record.epoch
            self._publisher.publish_status(record.event, record.time_ns, record.detail, epoch)
        else:
            self._reject(record)

    def _reject(self, row: RejectedRow) -> None:
        if row.place >> FILE_SHIFT:  # of one of several files, which its number alone tells nobody
            row = replace(row, detail=f"{self._source.describe(row.place)}: {row.detail}")
        try:
            self._publisher.publish_rejected(row)
        except FatalError as failure:
            what = f"{self._feed}: {self._log_prefix}{failure}: {self.reasons()}"
            raise (UnrecoverableError if self._source.replayable else FatalError)(what) from None

    def poll(self) -> None:
        """Learn of deliveries, bring the metrics up to date."""
        self._publisher.poll()

    def flush(self) -> None:
        """Return when everything is delivered. Raises KafkaException."""
        self._publisher.flush()

    def end(self, event: FeedEvent = FeedEvent.ENDED) -> None:
        """The source is done: give the last account, and say so by `event`."""
        last = self._publisher.last
        if last is self._last_in_log and last is not None:
            self._log_info(f"nothing new: the log holds all of {self._feed} already")
        self.report_account(whole=True)
        self._publisher.publish_status(event, (last.second + 1) * NS_PER_S if last else 0, self._source.name)
        if last is not None:
            self._log_info(f"{self._source.name} is done: {last.last_seq} quotes up to second {last.second}")

    def reasons(self) -> str:
        """Why rows were rejected."""
        return reasons_text(self._account())

    def _account(self) -> dict[str, Any]:
        return self._core.account.as_dict(self._source.describe)

    def report_account(self, *, whole: bool = False) -> None:
        """Report rows rejected and anomalies: the first, whenever they have doubled, and all at the end."""
        self._account_metrics.record(self._core.account)
        notable = self._core.account.notable
        if not whole and (not notable or notable < 2 * self._account_reported):
            return
        self._account_reported = notable
        account = self._account()
        last = self._publisher.last
        at_ns = (last.second + 1) * NS_PER_S if last else 0
        self._publisher.publish_status(FeedEvent.ACCOUNTED, at_ns, json.dumps(account))
        for line in account_lines(account):
            (self._log.warning if notable else self._log.info)("%s%s", self._log_prefix, line)

    def _log_info(self, text: str) -> None:
        self._log.info("%s%s", self._log_prefix, text)
