"""What is written of rejected rows, and when there are too many of them."""

from collections.abc import Iterable
from typing import Any, cast

from services.ingest.publisher import Publisher
from tests.unit.ingest.oracle import Row
from tests.unit.ingest.rows import INSTRUMENT, batches_of, new_core
from tidewheel.contracts.codecs.market import DeadLetter, decode_dead_letter, decode_second
from tidewheel.contracts.topics import DEAD_LETTERS, TICKS
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.recordings.quotes import RawBatch, RejectedRow
from tidewheel.runtime.process import FatalError

S = 1_000_000_000
T = 1_700_000_000


def good(second: float) -> Row:
    return Row(round((T + second) * 1000) * (S // 1000), 100 * S, 101 * S)


def bad(second: float) -> Row:
    return good(second)._replace(bid=102 * S)


class Log:
    """What lies on the topics, and what goes on from it as ingest does at its start."""

    def __init__(self) -> None:
        self.last: MarketSecond | None = None
        self.dead_letters: list[DeadLetter] = []

    def produce(self, topic: str, value: bytes, key: str) -> None:
        if topic == TICKS.name:
            self.last = decode_second(value)
        elif topic == DEAD_LETTERS.name:
            self.dead_letters.append(decode_dead_letter(value))

    def start(self, batches: Iterable[RawBatch]) -> int | None:
        """Read a file once; returns the row at which the limit stops it, None where it comes to its end."""
        reported = frozenset(letter.dedup_key for letter in self.dead_letters)
        core = new_core(last=self.last)
        publisher = Publisher(cast(Any, self), INSTRUMENT, SourceKind.REPLAY, "replay:q.csv", self.last, reported)
        for batch in batches:
            for item in core.on_item(batch):
                if isinstance(item, RejectedRow):
                    try:
                        publisher.publish_rejected(item)
                    except FatalError:
                        return item.place
                else:
                    publisher.publish_second(item)
        return None


def test_bad_rows_between_good_ones_of_one_second_are_no_run() -> None:
    rows = [bad(0) if n % 5 == 0 else good(0) for n in range(8000)]
    log = Log()
    assert log.start(batches_of(rows, [1, 3001, 3005])) is None
    assert len(log.dead_letters) == 1600


def test_every_start_stops_at_the_same_row() -> None:
    """Rows reported before, and ticks that the log holds, count at each start; else a file is drained over restarts."""
    rows = [*(bad(0) for _ in range(300)), *(good(n // 200) for n in range(2000)), *(bad(10) for _ in range(400))]
    rows += [*(good(10 + n // 500) for n in range(1500)), *(bad(13) for _ in range(5000))]
    log = Log()
    stopped_at = log.start(batches_of(rows, [100, 705, 1500]))
    assert stopped_at is not None
    assert stopped_at > 300 + 2000 + 400 + 1500
    assert log.last is not None
    assert log.last.second == T + 11, "the ticks before it are in the log"
    dead_letters = log.dead_letters.copy()
    for _ in range(2):
        assert log.start(batches_of(rows, [2, 1501])) == stopped_at
    assert log.dead_letters == dead_letters
