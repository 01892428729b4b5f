"""Who hears a local venue as ingest does: the source, the validator, and all that they tell."""

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from services.ingest.live_queue import LiveQueue
from services.ingest.sources.live import Live, Wanted
from tests.venues.ig_venue import KEY, PASSWORD, USERNAME
from tests.venues.speakers import Speaker
from tests.waiting import LIMIT_S, Deadline
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import TickFlag
from tidewheel.recordings.quotes import RejectedRow, Watermark
from tidewheel.recordings.validator import Validator
from tidewheel.venues.adapter import Adapter, Rate
from tidewheel.venues.catalogue import adapter_of
from tidewheel.venues.ig_login import openers
from tidewheel.venues.ig_settings import IgSettings
from tidewheel.venues.rows import FeedChange

MS = 1_000_000


def quick(speaker: Speaker, **timing: float) -> Adapter:
    """The adapter with limits and waits that suit a venue on this machine; a connection is otherwise let be."""
    adapter = adapter_of(speaker.name, by_book=speaker.by_book)
    patient = {"life_s": 60.0, "ack_s": 60.0, "open_s": 60.0, "pong_s": 60.0}
    return dataclasses.replace(
        adapter,
        timing=dataclasses.replace(adapter.timing, **{**patient, **timing}),
        connects=Rate(1000, 0.001),
        sends=Rate(1000, 0.001),
    )


@dataclasses.dataclass
class Tick:
    instrument: str
    time_ns: int
    bid_e9: int
    offer_e9: int
    bid_size_e9: int
    offer_size_e9: int
    venue_time_ns: int
    venue_seq: int
    flags: TickFlag
    epoch: int


@dataclasses.dataclass
class Listener:
    """What has been heard so far."""

    live: Live
    ticks: list[Tick] = dataclasses.field(default_factory=list)
    rejected: list[tuple[str, RejectedRow]] = dataclasses.field(default_factory=list)
    changes: list[FeedChange] = dataclasses.field(default_factory=list)
    marks: list[int] = dataclasses.field(default_factory=list)
    _items: Iterator[object] | None = None
    _validators: dict[str, Validator] = dataclasses.field(default_factory=dict)

    def until(
        self, done: Callable[["Listener"], bool], what: str = "what the venue says", limit_s: float = LIMIT_S
    ) -> None:
        """Hear on until it is so. Raises what the source raises."""
        self._items = self._items or self.live.items()
        deadline = Deadline(limit_s)
        while not done(self):
            deadline.check(what)
            self._take(next(self._items))

    def finish(self) -> None:
        """As when the service is to stop."""
        for item in self.live.remaining():
            self._take(item)

    def _take(self, item: object) -> None:
        assert isinstance(item, dict)
        for instrument, parts in item.items():
            for part in parts:
                if isinstance(part, FeedChange):
                    self.changes.append(part)
                elif isinstance(part, Watermark):
                    self.marks.append(part.time_ns)
                else:
                    judged = self._validators.setdefault(instrument, Validator()).ticks(part)
                    self.rejected += [(instrument, row) for _, row in judged.rejected]
                    quotes = judged.quotes
                    columns = [getattr(quotes, name).tolist() for name in type(quotes).__slots__]
                    for *values, flags in zip(*columns, strict=True):
                        self.ticks.append(Tick(instrument, *values, TickFlag(flags), judged.connection_epoch))

    @property
    def events(self) -> list[FeedEvent]:
        return [change.event for change in self.changes]


@contextmanager
def listening(
    adapters: Sequence[Adapter],
    symbols: Sequence[str],
    url: str,
    *,
    tolerance_ms: int = 10_000,
    queue: LiveQueue | None = None,
    wall: Callable[[], int] = time.time_ns,
    monotonic: Callable[[], int] = time.monotonic_ns,
    chance: Callable[[], float] | None = None,
) -> Iterator[Listener]:
    """A listener that is left in peace in the end."""
    with TemporaryDirectory() as folder:
        wanted = Wanted(adapters, symbols, tolerance_ms * MS, url, openers(ig_user(Path(folder))))
        listener = Listener(Live(wanted, wall, monotonic, logging.getLogger("ingest"), queue, chance))
        try:
            yield listener
        finally:
            listener.finish()


def ig_user(folder: Path) -> IgSettings:
    """Who may log in at the local IG."""
    password, key = folder / "password", folder / "key"
    password.write_text(PASSWORD)
    key.write_text(KEY)
    return IgSettings(USERNAME, str(password), str(key))
