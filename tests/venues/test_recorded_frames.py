"""Recorded quotes said as a venue's messages give the ticks that the recording gives."""

import csv
import gzip
from pathlib import Path

import numpy as np

from tests.venues.speakers import Binance, Said
from tidewheel.domain.market import Quotes, TickFlag
from tidewheel.recordings.quotes import concat_quotes
from tidewheel.recordings.recording import Recording
from tidewheel.recordings.validator import Validator
from tidewheel.venues.catalogue import ADAPTERS
from tidewheel.venues.intake import Intake
from tidewheel.venues.rows import FeedChange, Row, raw_batches

FILE = "binance_btcusdt_spot_20240808_quotes.csv.gz"
ROWS = 73_174


def frames(path: Path) -> list[tuple[int, str]]:
    """Each row as a message, numbered as the venue would: the same again has the same number."""
    found, before, number, speaker = [], None, 0, Binance()
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            number += row != before
            before = row
            said = Said("BTCUSDT", row["bid"], row["offer"], row["bid_size"], row["offer_size"], seq=number)
            found.append((int(row["time_ms"]) * 10**6, speaker.quote(said)))
    return found


def test_binance_file_as_messages(shared_data: Path) -> None:
    path = shared_data / FILE
    rows: list[Row | FeedChange] = []
    intake = Intake(ADAPTERS["binance"], ["BTC-USDT"], 10**10, rows.append)
    for received_ns, text in frames(path):
        intake.on_text(1, received_ns, text)
    (batch,) = raw_batches([row for row in rows if isinstance(row, Row)])
    live = Validator().ticks(batch)
    recorded_by = Validator()
    recorded: Quotes = concat_quotes([recorded_by.ticks(one).quotes for one in Recording(path).batches()])
    assert len(live.quotes) == len(recorded) == ROWS
    assert not live.rejected
    for name in ("time_ns", "bid_e9", "offer_e9", "bid_size_e9", "offer_size_e9"):
        assert np.array_equal(getattr(live.quotes, name), getattr(recorded, name)), name
    flags = live.quotes.flags.copy()
    assert flags[0] == TickFlag.GAP_BEFORE
    flags[0] = 0
    assert np.array_equal(flags, recorded.flags)
