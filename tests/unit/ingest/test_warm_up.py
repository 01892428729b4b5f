"""What comes before a live feed: recordings in order, of its own instruments, and nothing yet to come."""

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from services.ingest.settings import Settings
from services.ingest.sources.factory import open_warm_up
from services.ingest.sources.warm_up import WarmUp
from tests.venues.speakers import Kraken, Said
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market import SourceKind, TickFlag
from tidewheel.recordings.options import NO_OPTIONS
from tidewheel.recordings.place_mark import NO_MARK
from tidewheel.recordings.quotes import SourceError, TickBatch
from tidewheel.recordings.validator import Validator
from tidewheel.venues.frame_files import FrameWriter
from tidewheel.venues.frame_log import Header, Message

S = 1_000_000_000
START_S = 1_700_000_000
BTC, ETH = "kraken:BTC-USD", "kraken:ETH-USD"
LOG = logging.getLogger("ingest")


def settings(*paths: Path, feed: str = "kraken", instrument: str = "BTC-USD") -> Settings:
    return Settings(kafka="nowhere:1", feed=Feed.parse(feed), instrument=instrument, warm_up=paths)


def opened(*paths: Path, until_s: float | None = None, **more: Any) -> WarmUp:
    own = settings(*paths, **more)
    until_ns = time.time_ns() if until_s is None else int(until_s * S)
    return open_warm_up(own, NO_OPTIONS, NO_MARK, own.feed.instruments(own.instrument), until_ns)


def quotes(path: Path, first: int, count: int, *bad: str) -> Path:
    rows = [f"{1000 * (START_S + second)},{100 + second},{101 + second}" for second in range(first, first + count)]
    path.write_text("\n".join(("time_ms,bid,offer", *rows, *bad, "")))
    return path


def frames(path: Path, first: int, count: int, connections: int = 1) -> Path:
    speaker = Kraken()
    with FrameWriter(path, Header("kraken", ("BTC-USD", "ETH-USD"))) as writer:
        for second in range(first, first + count):
            number = 1 + (second - first) * connections // count
            for symbol in ("BTC/USD", "ETH/USD"):
                said = Said(symbol, str(100 + second), str(101 + second))
                writer.write(Message((START_S + second) * S, number, speaker.quote(said)))
    return path


def ticks(source: WarmUp) -> dict[str, list[TickBatch]]:
    judges: dict[str, Validator] = {}
    found: dict[str, list[TickBatch]] = {}
    for dealt in source.items():
        for instrument, batches in dealt.items():
            judge = judges.setdefault(instrument, Validator())
            found.setdefault(instrument, []).extend(judge.ticks(batch) for batch in batches)
    return found


def seconds(batches: list[TickBatch]) -> list[int]:
    return [time_ns // S - START_S for batch in batches for time_ns in batch.quotes.time_ns.tolist()]


def test_recordings_come_one_after_another_with_a_gap_between_and_new_connections(tmp_path: Path) -> None:
    first, second = quotes(tmp_path / "a.csv", 0, 5), frames(tmp_path / "b.frames.jsonl.zst", 10, 6, connections=2)
    source = opened(first, second, quotes(tmp_path / "c.csv", 20, 3))
    assert (source.kind, source.instruments) == (SourceKind.REPLAY, (BTC,))
    assert source.name == "warm-up:a.csv,b.frames.jsonl.zst,c.csv"
    found = ticks(source)
    assert list(found) == [BTC]
    assert seconds(found[BTC]) == [*range(5), *range(10, 16), *range(20, 23)]
    filled = [batch for batch in found[BTC] if len(batch.quotes)]
    assert [batch.connection_epoch for batch in filled] == [1, 2, 3, 4]
    flags = [flag for batch in filled for flag in batch.quotes.flags.tolist()]
    gaps = [place for place, flag in enumerate(flags) if flag & TickFlag.GAP_BEFORE]
    assert gaps == [5, 11], "the first connection of a recording, and the recording after it"


def test_of_a_recording_of_several_symbols_each_instrument_gets_its_own(tmp_path: Path) -> None:
    path = frames(tmp_path / "b.frames.jsonl.zst", 0, 4)
    found = ticks(opened(path, instrument="ETH-USD,XRP-USD,BTC-USD"))
    assert {instrument: seconds(batches) for instrument, batches in found.items()} == {
        BTC: [*range(4)],
        ETH: [*range(4)],
    }
    assert opened(path, instrument="ETH-USD,XRP-USD").instruments == (ETH,)


def test_a_rejected_row_is_named_by_its_recording(tmp_path: Path) -> None:
    source = opened(quotes(tmp_path / "a.csv", 0, 5), quotes(tmp_path / "b.csv", 10, 2, "torn"))
    (row,) = [row for batch in ticks(source)[BTC] for _, row in batch.rejected]
    assert source.describe(row.place) == "b.csv, line 4"


def test_recordings_in_another_order_than_their_time_are_refused(tmp_path: Path) -> None:
    late, early = quotes(tmp_path / "late.csv", 10, 5), quotes(tmp_path / "early.csv", 0, 11)
    with pytest.raises(SourceError, match=r"early.csv begins at .*:20 and what is before it ends at .*:34: name the"):
        ticks(opened(late, early))


def test_what_is_yet_to_come_is_no_history(tmp_path: Path) -> None:
    path = quotes(tmp_path / "a.csv", 0, 5)
    with pytest.raises(SourceError, match="yet to come by this machine's clock"):
        ticks(opened(path, until_s=START_S + 3.5))
    assert len(seconds(ticks(opened(path, until_s=START_S + 4))[BTC])) == 5


def test_a_recording_of_others_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    of_kraken, of_nobody = frames(tmp_path / "b.frames.jsonl.zst", 0, 4), quotes(tmp_path / "a.csv", 0, 5)
    with pytest.raises(SourceError, match="is of BTC-USD, ETH-USD at kraken, and not of okx:BTC-USDT"):
        opened(of_kraken, feed="okx", instrument="BTC-USDT")
    with pytest.raises(SourceError, match="does not say of which of kraken:BTC-USD, kraken:ETH-USD it is"):
        opened(of_nobody, instrument="BTC-USD,ETH-USD")
    with pytest.raises(ValueError, match="only a live feed"):
        settings(of_nobody, feed="sim")
