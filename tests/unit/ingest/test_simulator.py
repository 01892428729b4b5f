"""The simulated market: the same for the same seed, lively, and with an edge only where one is planted."""

from hashlib import sha256
from itertools import islice

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.ingest.core import IngestCore
from services.ingest.seconds import SessionRules
from services.ingest.sources.planted_drift import CURVATURE_PER_S, MEAN_REVERSION_PER_S
from services.ingest.sources.simulator import BLOCK_S, START_S, Simulator
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.recordings.quotes import RawBatch, RejectedRow

S = 1_000_000_000
CENT = 10_000_000


NEVER_S = 10**9


def batches(seed: int, edge: float, blocks: int, flip_s: int = 0) -> list[RawBatch]:
    return list(islice(Simulator(seed, edge, flip_s).items(), blocks))


def columns(
    seed: int, edge: float, blocks: int, flip_s: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    read = batches(seed, edge, blocks, flip_s)
    return tuple(np.concatenate([getattr(b, name) for b in read]) for name in ("time_ns", "bid_e9", "offer_e9"))  # type: ignore[return-value]


def seconds(seed: int, edge: float, blocks: int) -> list[MarketSecond]:
    core = IngestCore("sim:TEST", SourceKind.SIMULATED, SessionRules())
    out = [item for batch in batches(seed, edge, blocks) for item in core.on_item(batch)]
    assert not any(isinstance(item, RejectedRow) for item in out)
    return [item for item in out if isinstance(item, MarketSecond)]


def test_the_same_seed_and_edge_give_the_same_bytes() -> None:
    first, again = (b"".join(map(encode_second, seconds(7, 0.5, 4))) for _ in range(2))
    assert first == again
    assert first != b"".join(map(encode_second, seconds(8, 0.5, 4)))
    assert first != b"".join(map(encode_second, seconds(7, 0.6, 4)))


@pytest.mark.parametrize(
    ("seed", "edge", "digest"),
    [
        (1, 1.0, "8df7842a01e9f04a5ac405993d30872c52dde3906c69d6df40e40f8d6177b65a"),
        (2, 0.0, "ce43ef03f9242c74215060099fb2395a993adbc051ea6530e2c09558d8c4c58e"),
    ],
)
def test_a_market_that_never_flips_is_what_it_has_always_been(seed: int, edge: float, digest: str) -> None:
    read = sha256()
    for batch in batches(seed, edge, 60):
        for column in (batch.place, batch.time_ns, batch.bid_e9, batch.offer_e9):
            read.update(column.tobytes())
    assert read.hexdigest() == digest


def test_until_it_flips_a_market_is_as_if_it_never_did() -> None:
    flip_s = 10 * BLOCK_S + 7
    turned, never = columns(5, 1.0, 20, flip_s), columns(5, 1.0, 20, NEVER_S)
    assert turned[0].tobytes() == never[0].tobytes(), "the same chance"
    before = turned[0] < (START_S + flip_s) * S
    for one, other in zip(turned, never, strict=True):
        assert (one == other)[before].all()
    assert (turned[2] != never[2])[~before][20:].mean() > 0.9, "and soon after it is another"


def test_without_edge_a_flip_turns_nothing() -> None:
    for one, other in zip(columns(5, 0.0, 20, 1_000), columns(5, 0.0, 20), strict=True):
        assert one.tobytes() == other.tobytes()


def test_it_begins_with_2026_and_rows_are_numbered_from_1() -> None:
    first, second = batches(1, 0, 2)
    assert first.time_ns[0] // S == START_S
    assert first.place.tolist() == list(range(1, len(first) + 1))
    assert second.place[0] == len(first) + 1
    assert second.time_ns[0] // S >= START_S + BLOCK_S


@pytest.mark.parametrize("seed", [1, 2])
def test_it_looks_like_a_market(seed: int) -> None:
    day = seconds(seed, 0.5, 120)
    assert {s.session for s in day} == {1}
    assert not any(s.stale for s in day)
    counts = np.array([len(s.quotes) for s in day])
    assert counts.max() > 80, "bursts"
    quiet = "".join("." if count else "q" for count in counts)
    assert "q" * 20 in quiet, "quiet stretches"
    assert "q" * 60 not in quiet
    spreads = np.array([s.close_offer_e9 - s.close_bid_e9 for s in day]) / S
    assert spreads.min() >= 0.5
    assert 2.5 < spreads.max() <= 3.0
    for second in day[:2000]:
        assert not (second.quotes.bid_e9 % CENT).any()
        assert not (second.quotes.offer_e9 % CENT).any()


def test_without_edge_steps_of_the_offer_are_even_and_know_nothing_of_the_past() -> None:
    _, _, offer = columns(3, 0.0, 400)
    steps = np.diff(offer) / S
    assert abs(steps.mean()) < 4 * steps.std() / np.sqrt(len(steps))
    assert abs(np.corrcoef(steps[1:], steps[:-1])[0, 1]) < 4 / np.sqrt(len(steps))


def closing(time_ns: NDArray[np.int64], values: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    ends = (START_S + 1 + np.arange(count)) * S
    return np.asarray(values[np.searchsorted(time_ns, ends) - 1] / S)


@pytest.mark.parametrize("edge", [0.0, 0.5, 1.0])
def test_the_drift_is_the_documented_function_of_the_mids(edge: float) -> None:
    time_ns, bid, offer = columns(4, edge, 400)
    count = 400 * BLOCK_S
    mids, offers = closing(time_ns, (bid + offer) // 2, count), closing(time_ns, offer, count)
    # For each second s: mean of the 600 mids before it, relative to the last of them; and the offer's move in s.
    reversion = sliding_window_view(mids, 600)[:-1].mean(axis=1) - mids[599:-1]
    moves = np.diff(offers)[599:]
    quoted = np.isin(START_S + np.arange(600, count), time_ns // S)
    # Beside it, pulls that are not in it: to where the market began, and to the mean of the last minute.
    others = (mids[0] - mids[599:-1], sliding_window_view(mids[540:], 60)[:-1].mean(axis=1) - mids[599:-1])
    known = np.stack((reversion, *others), axis=1)[quoted]
    slopes, _, _, _ = np.linalg.lstsq(known, moves[quoted], rcond=None)
    left = (moves[quoted] - known @ slopes).std()
    errors = left * np.sqrt(np.diag(np.linalg.inv(known.T @ known)))
    assert (np.abs(slopes - (edge * MEAN_REVERSION_PER_S, 0, 0)) < 4 * errors).all()
    assert errors[0] < MEAN_REVERSION_PER_S / 8, "the test can tell an edge from none"
    assert errors[1] < MEAN_REVERSION_PER_S / 8


@pytest.mark.parametrize(("flip_s", "sign"), [(NEVER_S, 1), (1, -1)])
def test_the_drift_of_a_market_that_flips_is_its_curvature(flip_s: int, sign: int) -> None:
    time_ns, bid, offer = columns(4, 1.0, 400, flip_s)
    count = 400 * BLOCK_S
    mids, offers = closing(time_ns, (bid + offer) // 2, count), closing(time_ns, offer, count)
    oldest, middle, newest, now = (
        sliding_window_view(mids, 160)[at : at + count - 600].mean(axis=1) for at in (90, 250, 410, 440)
    )
    moves = np.diff(offers)[599:]
    quoted = np.isin(START_S + np.arange(600, count), time_ns // S)
    # Beside it a trend and a pull to the mean of the last minutes, neither of which is in it.
    known = np.stack((newest - 2 * middle + oldest, newest - oldest, now - mids[599:-1]), axis=1)[quoted]
    slopes, _, _, _ = np.linalg.lstsq(known, moves[quoted], rcond=None)
    errors = (moves[quoted] - known @ slopes).std() * np.sqrt(np.diag(np.linalg.inv(known.T @ known)))
    assert (np.abs(slopes - (sign * CURVATURE_PER_S, 0, 0)) < 4 * errors).all()
    assert errors[0] < CURVATURE_PER_S / 8, "the test can tell an edge from none"


def labels(edge: float, seed: int, blocks: int = 160) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """One order every 20 s with thresholds of 10 USD: how far the mid is below its ten-minute mean, and PROFIT."""
    time_ns, bid, offer = columns(seed, edge, blocks)
    mids = closing(time_ns, (bid + offer) // 2, blocks * BLOCK_S)
    reversions, profits = [], []
    for s in range(601, blocks * BLOCK_S - 3600, 20):
        at = int(np.searchsorted(time_ns, (START_S + s) * S))
        moved = bid[at : at + 40_000] - offer[at - 1]
        touch = int(np.argmax(np.abs(moved) >= 10 * S))
        assert abs(moved[touch]) >= 10 * S
        reversions.append(mids[s - 600 : s].mean() - mids[s - 1])
        profits.append(moved[touch] > 0)
    return np.array(reversions), np.array(profits)


def test_an_edge_shows_in_the_labels_and_none_does_not() -> None:
    for edge, low, high in ((1.0, 0.2, 0.6), (0.0, -0.06, 0.06)):
        reversions, profits = map(np.concatenate, zip(*(labels(edge, seed) for seed in (11, 12, 13)), strict=True))
        assert 0.38 < profits.mean() < 0.52, "roughly balanced"
        flagged = reversions > np.quantile(reversions, 0.7)
        assert low < profits[flagged].mean() - profits.mean() < high
