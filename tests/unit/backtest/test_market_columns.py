"""What the cores make of a file: rows rebuilt from few columns are those of the labeler, bit for bit."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from backtest.labeling import LabelingConfig, LabelingPipeline
from backtest.market_columns import MarketColumns, examples
from services.ingest.seconds import SessionRules
from services.ingest.sources.replay import Replay
from services.labeler.config import LabelerConfig
from services.orderbot.core import OrderRule
from tests.system import recorded
from tidewheel.domain.features import Example
from tidewheel.domain.orders import ExitOn, Outcome
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.runtime.process import FatalError

INSTRUMENT = "replay:MADE"
USUAL = LabelingConfig(SessionRules(600, 60), OrderRule(2, Threshold.parse("5")))
WAYS = {
    "usual": USUAL,
    "expiring": replace(USUAL, labels=LabelerConfig(ExitOn.BID, 60 * 10**9)),
    "on the mid, in basis points": LabelingConfig(
        SessionRules(300, 30), OrderRule(3, Threshold.parse("6bps")), LabelerConfig(ExitOn.MID)
    ),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions, bursts, a stale stretch and rows that are no prices."""
    return recorded.write(tmp_path_factory.mktemp("made") / "made.csv", seed=2)


def plain(rows: Iterable[Example]) -> list[tuple[object, ...]]:
    return [astuple(row) for row in rows]


def labeled(file: Path, how: LabelingConfig) -> tuple[list[Example], MarketColumns, LabelingPipeline]:
    """The labeler's own rows, and what is kept of them."""
    own = list(LabelingPipeline(INSTRUMENT, how).examples(Replay(file).items()))
    cores = LabelingPipeline(INSTRUMENT, how)
    return own, cores.columns(Replay(file).items()), cores


@pytest.mark.parametrize("name", WAYS)
def test_rows_are_those_of_the_labeler(name: str, file: Path, tmp_path: Path) -> None:
    own, columns, cores = labeled(file, WAYS[name])
    columns.save(tmp_path / "kept")
    again = list(examples(MarketColumns.load(tmp_path / "kept"), INSTRUMENT))
    assert len(own) > 1_500
    assert plain(again) == plain(own)
    counts = cores.counts
    assert counts.examples == len(own) == columns.examples
    assert counts.placed == sum(counts.outcomes.values())
    assert counts.bars == len(columns.second)
    assert counts.dead_letters > 0
    assert (counts.outcomes[Outcome.EXPIRED] > 0) is (name == "expiring")
    assert cores.open_orders == 0


def test_a_mid_told_wrong_is_another_row(file: Path) -> None:
    """That the comparison above can fail."""
    own, columns, _ = labeled(file, USUAL)
    columns.mid_e9[900] += 1
    assert plain(examples(columns, INSTRUMENT)) != plain(own)
    columns.mid_e9[900] -= 1
    assert plain(examples(columns, INSTRUMENT)) == plain(own)


def rows(price_e9: int, count: int) -> Iterator[RawBatch]:
    """A quote a second that goes up and down by six units."""
    at = np.arange(count)
    bid = price_e9 + np.abs(at % 40 - 20) * 300_000_001
    yield RawBatch(at + 1, 1_700_000_000 * 10**9 + at * 10**9, bid, bid + 100_000_000)


def test_prices_beyond_what_a_float_holds_exactly() -> None:
    price_e9 = 9_100_000_000 * 10**9
    how = LabelingConfig(SessionRules(600, 60), OrderRule(1, Threshold.parse("1")))
    own = list(LabelingPipeline(INSTRUMENT, how).examples(rows(price_e9, 900)))
    assert own
    columns = LabelingPipeline(INSTRUMENT, how).columns(rows(price_e9, 900))
    assert plain(examples(columns, INSTRUMENT)) == plain(own)


def test_a_market_too_short_for_an_example() -> None:
    columns = LabelingPipeline(INSTRUMENT, USUAL).columns(rows(10**12, 300))
    assert (columns.examples, len(columns.second), list(examples(columns, INSTRUMENT))) == (0, 300, [])


def test_a_source_without_a_usable_quote_is_none() -> None:
    crossed = RawBatch(np.arange(1, 4), np.arange(3), np.full(3, 5), np.full(3, 4))
    with pytest.raises(SourceError, match="no usable quote"):
        LabelingPipeline(INSTRUMENT, USUAL).columns([crossed])


def test_too_many_bad_rows_end_it_as_they_end_ingest() -> None:
    count = 1_001
    crossed = RawBatch(np.arange(count), np.arange(count), np.full(count, 5), np.full(count, 4))
    with pytest.raises(FatalError, match="1001 bad records in a row"):
        LabelingPipeline(INSTRUMENT, USUAL).columns([crossed])
