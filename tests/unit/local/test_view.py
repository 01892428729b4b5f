"""The live view as text: it fits, and it says what it should without colour."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from tests.unit.local.test_observed import second
from tests.unit.local.values import CARD, NAME, T0_NS, event, instrument, prediction, trial, whole_run
from tidewheel.contracts.codecs.market import FeedEvent, FeedStatus
from tidewheel.domain.market import Quotes, SourceKind
from tidewheel.domain.orders import Outcome
from tidewheel.domain.training import SplitSizes, Step
from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.monitoring.probe import TimedPrediction
from tidewheel.local.monitoring.progress import Progress
from tidewheel.local.monitoring.rates import Rates, Sample
from tidewheel.local.view.charts import bar, sparkline
from tidewheel.local.view.frame import Frame, ProcessStatus, empty_frame
from tidewheel.local.view.screen import screen

PARTS = [
    ProcessStatus(name, "ready") for name in ("kafka", "redis", "ingest", "orderbot", "labeler", "trainer", "predictor")
]
SIZES = [(80, 24), (120, 40), (200, 60), (100, 30), (80, 50), (140, 24), (40, 12), (20, 5)]


def busy() -> Frame:
    """Everything at once: two runs ended, a third in its trials."""
    shown: InstrumentState = instrument(
        *whole_run(1),
        event(1, Step.SCORED, scorecard=CARD),
        *whole_run(2, Step.REFUSED, "one_class"),
        event(3, Step.WINDOW_CLOSED),
        event(3, Step.VALIDATED),
        event(3, Step.SPLIT, split=SplitSizes(6900, 1420, 1480, 200)),
        *(event(3, Step.TRIAL, trial=trial(n, 0.4 + 0.01 * n, n != 2)) for n in (1, 2, 3)),
    )
    market, orders = shown.market, shown.orders
    market.second, market.ticks = 1_700_000_000, 34_567
    market.source_kind = SourceKind.SIMULATED
    market.bid_e9, market.offer_e9 = 9_903_790_000_000, 9_911_490_000_000
    market.mids_e9.extend(range(100))
    orders.placed, orders.examples = 35_000, 26_543
    orders.outcomes.update({Outcome.PROFIT: 15_000, Outcome.LOSS: 16_211})
    rates = Rates()
    rates.take(Sample(0.0, 30_000, 1_699_999_700, 25_000))
    rates.take(Sample(5.0, 34_567, 1_700_000_000, 26_500))
    return Frame(
        title="sim:BTC-USD at 60 ×, ±10",
        footer=" Ctrl-C ends.",
        now_ns=T0_NS + 45 * 10**9,
        up_s=72.0,
        instrument=shown,
        windowing=Windowing(10_000, 10_000),
        rates=rates,
        progress=Progress({("examples", 0): 50}, {"trainer": {("examples", 0): 8}}),
        processes=[*PARTS[:4], ProcessStatus("labeler", "restarting", 2), *PARTS[5:]],
        predictions=[TimedPrediction(T0_NS, prediction(1, 0.3)), TimedPrediction(T0_NS, prediction(1, 0.71))],
        served={1: T0_NS + 3_100_000_000},
        dead_letters=3,
        last_dead_letter="replay:x.csv 17: crossed",
        messages=["18:00:01 labeler restarting"],
    )


def drawn(frame: Frame, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(screen(frame, width, height), height=height, end="")
    return captured.get().splitlines()


def live(*, subscribed: bool = True, age_s: float = 0.25) -> Frame:
    """A live market, 45 s after it was subscribed."""
    frame = busy()
    assert frame.instrument is not None
    frame.instrument.name = "kraken:BTC-USD"
    market = frame.instrument.market
    market.source_kind = SourceKind.LIVE
    health = market.health
    health.since_ns = T0_NS if subscribed else 0
    health.last_tick_ns = frame.now_ns - int(age_s * 10**9)
    health.gaps, health.conflated, health.rejected, health.lost = 2, 1_234, 5, 1
    quotes = Quotes(
        time_ns=np.array([T0_NS, T0_NS + 1]),
        venue_time_ns=np.array([T0_NS + 12_000_000, 0]),
        bid_e9=np.array([1, 1]),
        offer_e9=np.array([1, 1]),
    )
    health.on_second(
        replace(second(1, 1, 2), quotes=quotes, source_kind=SourceKind.LIVE, last_tick_ns=health.last_tick_ns)
    )
    return frame


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "frame", [busy(), live(), empty_frame("t", "f", 0.0, PARTS, [])], ids=["busy", "live", "starting"]
)
def test_it_fits(frame: Frame, width: int, height: int) -> None:
    lines = drawn(frame, width, height)
    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
@pytest.mark.parametrize(
    "words",
    [
        "bid 9,903.79  offer 9,911.49",
        "spread 7.70 (7.8 bps)",
        "913 ticks/s  × 60",
        "open 3,789",
        "PROFIT",
        "48 %",
        "window 3",
        "6,543 of 10,000 examples, about 11 s left",
        "▶ trials",
        "▮▮▮▯▯▯▯▯▯▯",
        "0.410 0.420× 0.430*",
        "model 1 epoch 1  age 42 s",
        "evidence weak",
        "test P 0.612  R 0.310  base 0.480",
        "labeler restarting ↻2",
        "trainer 42",
        "dead letters 3",
    ],
)
def test_what_both_sizes_show(width: int, height: int, words: str) -> None:
    assert words in "\n".join(drawn(busy(), width, height))


@pytest.mark.parametrize(
    "words",
    [
        "evidence weak, e 34, net 0.4",
        "rows: training 6,900",
        "2 ✘ one class",
        "1 ✔ published",
        "3.1 s",
        "next P 0.555",
        "PROFIT     1",
        "no         1",
        "news",
    ],
)
def test_what_the_large_size_shows_besides(words: str) -> None:
    assert words in "\n".join(drawn(busy(), 120, 40))


@pytest.mark.parametrize(("width", "height"), [(80, 30), (120, 40)])
def test_a_live_feed_says_how_it_does(width: int, height: int) -> None:
    lines = drawn(live(), width, height)
    (at,) = [n for n, line in enumerate(lines) if "─ feed ─" in line]
    assert "● kraken since 22:13:20  quote 0.2 s old  clock skew -12 ms" in lines[at + 1]
    assert "gaps 2  conflated 1,234  rejected 5  lost connections 1" in lines[at + 2]
    assert "913 ticks/s  2 gaps, 5 rejected" in "\n".join(lines)


def test_a_feed_that_is_dead_says_so() -> None:
    text = "\n".join(drawn(live(subscribed=False, age_s=185), 120, 40))
    assert "✘ kraken not subscribed  quote 3:05 old" in text


def test_a_market_that_is_not_live_has_no_feed_to_tell_of() -> None:
    assert "─ feed ─" not in "\n".join(drawn(busy(), 120, 40))


def test_the_small_size_shows_the_last_prediction() -> None:
    assert "now 0.7100 vs 0.6000: PROFIT" in "\n".join(drawn(busy(), 80, 24))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_once_the_feed_has_ended_it_says_which_window_is_waited_for(width: int, height: int) -> None:
    """Window 3 has closed and the trainer has not said a word of it."""
    shown = instrument(*whole_run(1), *whole_run(2))
    shown.orders.examples = 30_000
    shown.market.feed = FeedStatus(NAME, FeedEvent.ENDED, 0, 1, "x.csv", SourceKind.REPLAY)
    lines = "\n".join(drawn(replace(busy(), instrument=shown), width, height))
    assert "the feed has ended; waiting for the training of window 3" in lines


def test_a_refused_run_says_why() -> None:
    shown = replace(busy(), instrument=instrument(*whole_run(1, Step.REFUSED, "one class only")))
    text = "\n".join(drawn(shown, 120, 40))
    assert "✘ refused" in text
    assert "one class only" in text


def test_a_run_that_is_not_proven_left_the_candidate() -> None:
    shown = replace(busy(), instrument=instrument(*whole_run(1), *whole_run(2, Step.REFUSED, "not_proven")))
    text = "\n".join(drawn(shown, 120, 40))
    assert "◇ candidate" in text
    assert "2 ◇ candidate" in text
    assert "refused" not in text


def test_what_is_not_there_yet_is_said() -> None:
    text = "\n".join(drawn(empty_frame("t", "f", 0.0, PARTS, []), 80, 24))
    for words in ("waiting for the first quote", "no window has closed yet", "no model serves yet", "orderbot –"):
        assert words in text


def test_sparklines() -> None:
    assert sparkline([], 10) == ""
    assert sparkline([5, 5, 5], 10) == "▄▄▄"
    assert sparkline([0, 7], 10) == "▁█"
    assert sparkline(list(range(100)), 10)[-1] == "█"
    assert len(sparkline(list(range(240)), 34)) <= 34


def test_bars() -> None:
    assert [bar(part, 4) for part in (-1, 0.5, 2)] == ["░░░░", "██░░", "████"]


@pytest.mark.parametrize(("width", "between"), [(80, " "), (120, " ─ ")])
def test_the_run_as_a_picture_of_its_steps(width: int, between: str) -> None:
    steps = ("✔ closed", "✔ validated", "✔ split", "▶ trials", "○ selected", "○ gate", "○ published")
    assert between.join(steps) in "\n".join(drawn(busy(), width, 40))


def test_whose_turn_it_is_among_several_stands_in_the_first_line() -> None:
    first = busy()
    other = replace(first, instrument=InstrumentState("sim:OTHER"))
    lines = drawn(replace(other, every=[first, other]), 160, 40)
    assert "sim:OTHER, 2 of 2" in lines[0]
