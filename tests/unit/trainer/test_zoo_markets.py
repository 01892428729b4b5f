"""The zoo's markets: what is planted is there and nothing else, nobody looks ahead, and the rows are the labeler's."""

from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from bench.quality.zoo import cores, recorded, store
from bench.quality.zoo.families import CHOOSING_SEEDS, FAMILIES, HELD_OUT_FAMILIES, HELD_OUT_SEEDS, PURE_CHANCE, Made
from bench.quality.zoo.functions import between_means, rise, to_mean, to_middle_of_day
from bench.quality.zoo.market import DAY_S, MONDAY_S, NS_PER_S, Edge, Market, Quoted, quotes
from bench.quality.zoo.stream import Past, Stream
from services.orderbot.core import OrderRule
from services.trainer.windows.count_windows import Window, Windows
from tests.tidy.rules import within
from tests.tidy.tree import ROOT, Source, imports
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.prices import Threshold
from tidewheel.domain.windows import Windowing

RULE = OrderRule(5, Threshold.parse("8"))
PLANTED = [family for family in FAMILIES if family not in PURE_CHANCE]
MARKET_MODULES = ("functions", "market", "families")


def all_quotes(market: Market, seed: int = 1) -> Quoted:
    pieces = list(quotes(market, [seed]))
    return Quoted(*(np.concatenate([getattr(p, name) for p in pieces]) for name in ("time_ns", "bid_e9", "offer_e9")))


def by_second(market: Market, made: Quoted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Closing bid, mid, and the middle of the day's range, of each second, in USD; a day of one piece."""
    last = np.searchsorted(made.time_ns, (market.start_s + 1 + np.arange(market.seconds)) * NS_PER_S) - 1
    mids = (made.bid_e9 + made.offer_e9) / 2e9
    middle = (np.maximum.accumulate(mids) + np.minimum.accumulate(mids)) / 2
    return made.bid_e9[last] / 1e9, mids[last], middle[last]


def expected(market: Market, mids: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The drift in second s, as written in `market.py`, from the mids of the 600 seconds before it."""
    past = sliding_window_view(mids, 600)[:-1, ::-1]
    drift = np.full(len(past), float(market.trend_usd))
    for edge in market.edges:
        known = (past - past[:, :1]) @ edge.function[5:] + 2 * edge.function[3] * (middle[599:-1] - past[:, 0])
        drift += edge.strength[600:] * known
    return drift


@pytest.mark.parametrize("family", PLANTED)
def test_the_bid_moves_by_what_the_planted_function_says(family: str) -> None:
    market = Made(family, 3, 5 * 3_600).market
    bids, mids, middle = by_second(market, all_quotes(market))
    drift, moves = expected(market, mids, middle), np.diff(bids)[599:]
    chance = market.volatility[600:] ** 2 + market.step_usd**2 / 2
    worth = (drift**2 / chance).sum()
    assert worth > 16  # so that a slope of 1 lies four standard errors from 0
    assert (drift * moves / chance).sum() / worth == pytest.approx(1, abs=4 / np.sqrt(worth))


def test_without_a_planted_function_the_bid_is_a_fair_game_in_whole_steps() -> None:
    """Whatever one knows: after a rise, too, where a rounded walk would come back."""
    market = Market(np.full(40_000, 0.3), spreads_usd=(2.0,))
    bids, _, _ = by_second(market, all_quotes(market))
    moves = np.diff(bids)
    assert set(np.unique(moves % 0.5)) == {0.0}
    for known in (np.ones(len(moves) - 1), np.sign(moves[:-1])):
        error = np.sqrt((known**2 * moves[1:] ** 2).sum())
        assert abs((known * moves[1:]).sum()) < 4 * error
    rounded = np.round(np.cumsum(np.random.default_rng(1).normal(0, 0.3, 40_000)) * 2) / 2
    steps = np.diff(rounded)
    known = np.sign(steps[:-1])
    assert (known * steps[1:]).sum() < -4 * np.sqrt((known**2 * steps[1:] ** 2).sum())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_is_a_market_and_another_seed_another(family: str) -> None:
    first, again, other = (Made(family, seed, 1_200) for seed in (1, 1, 2))
    made = [np.concatenate([piece.bid_e9 for piece in one.quotes()]) for one in (first, again, other)]
    assert first.identity == again.identity
    assert made[0].tobytes() == made[1].tobytes() != made[2].tobytes()


def test_quotes_come_irregularly_one_to_three_a_second() -> None:
    made = all_quotes(Made("pull", 1, 7_200).market)
    assert (np.diff(made.time_ns) >= 0).all()
    assert (made.offer_e9 > made.bid_e9).all()
    counts = np.bincount(made.time_ns // NS_PER_S - MONDAY_S, minlength=7_200)
    assert set(counts) == {0, 1, 2, 3}
    assert 1.8 < counts.mean() < 2.1


def test_a_market_knows_nothing_of_its_future() -> None:
    """What is planted later changes nothing before it."""
    strength = np.full(3_000, 0.02)
    later = np.where(np.arange(3_000) < 2_000, strength, -0.02)
    ones = [all_quotes(Market(np.full(3_000, 0.6), (Edge(to_mean(60), s),))) for s in (strength, later)]
    early = [one.bid_e9[one.time_ns < (MONDAY_S + 2_000) * NS_PER_S] for one in ones]
    assert early[0].tobytes() == early[1].tobytes()
    assert ones[0].bid_e9.tobytes() != ones[1].bid_e9.tobytes()


def test_the_truth_of_an_order_is_known_when_it_is_placed() -> None:
    market = Made("drifts", 1, 2_400).market
    made = all_quotes(market)
    half = made.time_ns < (MONDAY_S + 1_500) * NS_PER_S
    whole, cut = (
        cores.cores(RULE).columns(cores.batches([one]))
        for one in (made, Quoted(made.time_ns[half], made.bid_e9[half], made.offer_e9[half]))
    )
    size = len(cut.label)
    known = [market.truth(r.features, r.placed_ns) for r in (Stream(c, size).window(0).rows for c in (whole, cut))]
    assert size > 1_000
    assert known[0].tobytes() == known[1].tobytes()
    assert np.ptp(known[0]) > 0


def test_planted_functions_by_hand() -> None:
    mids = np.concatenate((np.zeros(5), np.arange(1.0, 601)))  # a price that fell by 1 a second: k seconds ago, k more
    assert to_mean(1e9) @ mids == pytest.approx(300.5)
    assert rise(7) @ mids == -7
    assert between_means(10, 30) @ mids == pytest.approx(5.5 - 20.5)
    assert to_middle_of_day() @ np.concatenate(([1, 2, 3, 9, -5], np.ones(600))) == 2


def test_an_edge_that_turns_says_when() -> None:
    flips, pull = Made("flips", 1, 2_000).market, Made("pull", 1, 2_000).market
    placed_ns = (MONDAY_S + np.array([0, 999, 1_000, 1_999])) * NS_PER_S
    assert flips.turned(placed_ns).tolist() == [False, False, True, True]  # type: ignore[union-attr]
    assert pull.turned(placed_ns) is None


# ---- rows ----


def broken_off(made: Quoted) -> Quoted:
    """Without twenty minutes of quotes: two sessions."""
    at_s = made.time_ns / NS_PER_S - made.time_ns[0] / NS_PER_S
    kept = (at_s < 1_500) | (at_s > 2_700)
    return Quoted(made.time_ns[kept], made.bid_e9[kept], made.offer_e9[kept])


def over_midnight() -> Quoted:
    edge = Edge(to_middle_of_day(), np.full(4_500, 0.005))
    return all_quotes(Market(np.full(4_500, 0.6), (edge,), start_s=MONDAY_S + DAY_S - 2_000))


MADE = {
    "steady": lambda: all_quotes(Made("coarse", 2, 2_400).market),
    "two sessions": lambda: broken_off(all_quotes(Made("pull", 1, 4_500).market)),
    "over midnight": over_midnight,
}


@pytest.mark.parametrize("name", MADE)
def test_windows_are_those_of_the_labeler_bit_for_bit(name: str) -> None:
    made, size = MADE[name](), 1_000
    filling = Windows(Windowing(size, size))
    examples = cores.cores(RULE).examples(cores.batches([made]))
    events = (event for offset, one in enumerate(examples) for event in filling.on_example(one, 0, offset))
    true = [event for event in events if isinstance(event, Window)]
    stream = Stream(cores.cores(RULE).columns(cores.batches([made])), size)
    assert len(stream) == len(true) > 4
    for number, window in enumerate(true):
        mine = stream.window(number)
        assert (mine.seq, mine.first_offset, mine.last_offset) == (window.seq, window.first_offset, window.last_offset)
        for column, other in zip(mine.rows.columns(), window.rows.columns(), strict=True):
            assert (column.dtype, column.tobytes()) == (other.dtype, other.tobytes())


def test_a_mid_told_wrong_is_another_feature() -> None:
    """That the comparison above can fail."""
    columns = cores.cores(RULE).columns(cores.batches([MADE["steady"]()]))
    before = Stream(columns, 1_000).window(1).rows.features.copy()
    columns.mid_e9[900] += 1_000_000
    after = Stream(columns, 1_000).window(1).rows.features
    assert (before != after).any()
    assert before.shape == (1_000, FEATURE_COUNT)


def test_a_past_holds_what_has_closed_and_thins_it() -> None:
    stream = Stream(cores.cores(RULE).columns(cores.batches([MADE["steady"]()])), 1_000)
    past = Past(stream, 3)
    assert len(past) == 3
    assert past[-1].seq == 3
    assert [window.seq for window in past[-2:]] == [2, 3]
    with pytest.raises(IndexError):
        past[3]
    thinned = past.thinned(2, 5)
    assert [rows.example_seq[0] for rows in thinned] == [1_001, 2_001]
    assert thinned[1].features.tobytes() == past[-1].rows.features[::5].tobytes()


def test_what_the_cores_made_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = store.columns_of(Made("pull", 1, 1_000), tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(store, "cores", None)
        again = store.columns_of(Made("pull", 1, 1_000), tmp_path)
        with pytest.raises(TypeError):
            store.columns_of(Made("pull", 1, 1_001), tmp_path)
    for name in store.MarketColumns.named():
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
        assert getattr(first, name).dtype == getattr(again, name).dtype
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(store, "code", lambda: "other code")
    store.columns_of(Made("pull", 1, 1_000), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


# ---- what is kept apart ----


def test_two_families_and_some_seeds_are_held_out() -> None:
    assert set(HELD_OUT_FAMILIES) < set(PLANTED)
    assert len(HELD_OUT_FAMILIES) == len(PURE_CHANCE) == 2
    assert not set(CHOOSING_SEEDS) & set(HELD_OUT_SEEDS)
    assert min(len(CHOOSING_SEEDS), len(HELD_OUT_SEEDS), len(PLANTED) - 2) >= 8


def strangers(source: Source) -> list[str]:
    return [name for _, name in imports(source) if within(name, ("services", "tidewheel", "bench.quality.streams"))]


@pytest.mark.parametrize("module", MARKET_MODULES)
def test_markets_share_no_code_with_what_is_judged(module: str) -> None:
    path = f"bench/quality/zoo/{module}.py"
    text = (ROOT / path).read_text()
    assert strangers(Source(path, text)) == []
    assert strangers(Source(path, f"from services.ingest.sources.planted_drift import mean_reversion\n{text}")) != []


# ---- recorded files ----


def test_recorded_files_are_left_out_with_a_word_where_they_are_not(tmp_path: Path) -> None:
    assert recorded.there(None, [1])[0] == []
    found, messages = recorded.there(tmp_path, [2, 9])
    assert found == []
    assert messages == [f"recorded: {recorded.BITTREX} left out, it is not there"]


def test_a_stretch_of_a_recorded_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text(
        "time_ms,bid,offer\n" + "".join(f"{hour * 3_600_000},{100 + hour},{101 + hour}\n" for hour in range(10))
    )
    monkeypatch.setitem(recorded.STRETCHES, 1, recorded.Stretch("a.csv", 2, 4, "10bps"))
    (one,), messages = recorded.there(tmp_path, [1])
    assert messages == []
    bids = np.concatenate([piece.bid_e9 for piece in one.quotes()])
    assert (bids // NS_PER_S).tolist() == [102, 103]
    assert (one.family, one.threshold, one.market) == ("recorded", "10bps", None)
    assert next(iter(one.quotes())).time_ns.tolist() == [2 * 3_600 * NS_PER_S, 3 * 3_600 * NS_PER_S]
