"""The online baseline against river's own pipeline and simulation of late labels; nothing is known too early."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from river import compose, linear_model, optim, preprocessing, stream

from services.trainer.dataset.rows import Rows
from services.trainer.promotion.online_baseline import (
    DEVIATIONS_MAX,
    LEARNING_RATE,
    ROWS_MAX,
    OnlineBaseline,
    _timeline,
)
from services.trainer.windows.count_windows import Window
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Baseline

RECALL_MIN = 0.25
SIZE = 90


def a_stream(count: int, seed: int = 1, lives_up_to: int = 400) -> Rows:
    """Rows in canonical order whose label shows in the features; none is resolved at the instant another is placed."""
    chance = np.random.default_rng(seed)
    hidden = chance.standard_normal(count)
    features = (chance.standard_normal((count, FEATURE_COUNT)) + 0.3 * hidden[:, np.newaxis]).astype(np.float32)
    features[:, 7] = 3.0  # one that never moves
    placed = np.arange(count, dtype=np.int64) * 20
    resolved = placed + 2 * chance.integers(1, lives_up_to // 2, count) + 1
    order = np.lexsort((placed, resolved))
    label = (hidden + 0.5 * chance.standard_normal(count) > 0.3).astype(np.uint8)
    rows = Rows(features, label, placed, resolved, placed, placed, placed).take(order)
    return replace(rows, example_seq=np.arange(1, count + 1))


def windows(rows: Rows, size: int = SIZE, step: int | None = None) -> list[Window]:
    starts = range(0, len(rows) - size + 1, step or size)
    return [Window("sim:MADE", seq, 0, 0, 0, rows.take(slice(at, at + size))) for seq, at in enumerate(starts, start=1)]


def shown(made: Sequence[Window]) -> list[Baseline | None]:
    baseline = OnlineBaseline(RECALL_MIN)
    return [baseline.update(window) for window in made]


def of_river(made: Sequence[Window]) -> list[Baseline | None]:
    """The same by river alone: its scaler, its regression and its order of questions and late answers."""
    rows = [(window, at) for window in made for at in range(len(window.rows))]
    rows.sort(key=lambda one: int(one[0].rows.placed_ns[one[1]]))
    times = [(int(w.rows.placed_ns[at]), int(w.rows.resolved_ns[at])) for w, at in rows]
    model = (
        preprocessing.StandardScaler()
        | compose.FuncTransformer(clipped)
        | linear_model.LogisticRegression(optim.SGD(LEARNING_RATE))
    )
    closed = {w.seq: int(w.rows.resolved_ns.max()) for w in made}
    scored: dict[int, list[tuple[float, int]]] = {w.seq: [] for w in made}
    asked = (({"row": number}, int(w.rows.label[at])) for number, (w, at) in enumerate(rows))
    for number, _, answer in stream.simulate_qa(
        asked,
        moment=lambda x: times[x["row"]][0],
        delay=lambda x, _: times[x["row"]][1] - times[x["row"]][0],
    ):
        window, at = rows[number]
        features = dict(enumerate(window.rows.features[at].astype(float).tolist()))
        if answer is not None:
            model.learn_one(features, bool(answer))
        elif times[number][0] > closed.get(window.seq - 1, -1):
            scored[window.seq].append((model.predict_proba_one(features)[True], int(window.rows.label[at])))
    found: list[Baseline | None] = [None]
    for window in made[1:]:
        at_least = best_cut(scored[window.seq - 1])
        flags = [label for score, label in scored[window.seq] if score >= at_least]
        labels = [label for _, label in scored[window.seq]]
        found.append(Baseline(len(labels), sum(labels), len(flags), sum(flags)))
    return found


def clipped(features: dict[int, float]) -> dict[int, float]:
    return {name: max(-DEVIATIONS_MAX, min(DEVIATIONS_MAX, value)) for name, value in features.items()}


def best_cut(scored: list[tuple[float, int]]) -> float:
    """Highest precision at enough recall where half are flagged at most, ties to the fewest flagged, midway to the next
    lower score; half where so few have not enough recall. By trying all."""
    falling = sorted(scored, reverse=True)
    positives = sum(label for _, label in scored)
    tried = []
    for count in range(1, len(falling) // 2 + 1):
        hits = sum(label for _, label in falling[:count])
        if hits >= RECALL_MIN * positives:
            tried.append((hits / count, -count))
    count = -max(tried)[1] if tried else len(falling) // 2
    return (falling[count - 1][0] + falling[min(count, len(falling) - 1)][0]) / 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_rivers_pipeline_with_rivers_late_answers(seed: int) -> None:
    made = windows(a_stream(4 * SIZE, seed))
    assert shown(made) == of_river(made)
    assert all(counts and counts.rows < SIZE for counts in shown(made)[1:]), "rows placed too early are not scored"


def test_learning_at_once_would_be_told_apart() -> None:
    made = windows(a_stream(4 * SIZE))
    at_once = [replace(w, rows=replace(w.rows, resolved_ns=w.rows.placed_ns + 1)) for w in made]
    assert shown(at_once) != of_river(made)


def a_shared_future(at_once: bool) -> list[Window]:
    """Blocks of orders with a look of their own, which all end at once and alike, by pure chance."""
    chance, blocks, per_block = np.random.default_rng(5), 80, 40
    count = blocks * per_block
    block = np.repeat(np.arange(blocks), per_block)
    looks, labels = chance.standard_normal((blocks, FEATURE_COUNT)), chance.integers(0, 2, blocks)
    placed = np.arange(count, dtype=np.int64) * 10
    resolved = placed + 1 if at_once else (block + 1) * per_block * 10 + 1
    seqs = np.arange(1, count + 1)
    features = looks[block].astype(np.float32)
    return windows(Rows(features, labels[block].astype(np.uint8), placed, resolved, placed, seqs, placed), 400)


def lift(found: Sequence[Baseline | None]) -> float:
    counts = [one for one in found if one]
    flagged, rows = sum(one.flagged for one in counts), sum(one.rows for one in counts)
    return sum(one.hits for one in counts) / flagged - sum(one.positives for one in counts) / rows


def test_a_future_that_rows_share_is_not_known_before_it_has_come() -> None:
    assert abs(lift(shown(a_shared_future(at_once=False)))) < 0.12
    assert lift(shown(a_shared_future(at_once=True))) > 0.3, "the planted fault: labels known too early"


def test_what_is_resolved_at_an_instant_is_not_known_to_an_order_placed_then() -> None:
    times = np.array([[0, 10], [10, 30], [20, 40]], dtype=np.int64)
    rows = Rows(np.zeros((3, 1), np.float32), np.zeros(3, np.uint8), times[:, 0], times[:, 1], *[times[:, 0]] * 3)
    assert list(_timeline(rows, np.arange(3))) == [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (2, 1)]
    assert list(_timeline(rows, np.array([2]))) == [(0, 1), (2, 0), (1, 1), (2, 1)]


def test_there_is_none_before_it_has_a_threshold() -> None:
    made = windows(a_stream(3 * SIZE))
    assert shown(made)[0] is None
    losses = replace(made[0], rows=replace(made[0].rows, label=np.zeros(SIZE, np.uint8)))
    assert shown([losses, *made[1:]])[1] is None
    assert shown([losses, *made[1:]])[2] is not None


def test_a_window_missed_or_out_of_order_begins_anew() -> None:
    made = windows(a_stream(5 * SIZE))
    assert shown([made[0], made[2], made[3]]) == [None, *shown(made[2:4])]
    assert shown([made[0], made[1], made[1], made[2]])[2:] == shown(made[1:3])


def test_rows_that_windows_share_are_seen_once() -> None:
    rows = a_stream(4 * SIZE)
    overlapping = windows(rows, 2 * SIZE, SIZE)
    apart = [overlapping[0], *(replace(w, rows=w.rows.take(slice(SIZE, None))) for w in overlapping[1:])]
    assert shown(overlapping) == shown(apart)


def test_a_large_window_is_sampled_and_the_counts_say_so() -> None:
    made = windows(a_stream(2 * 3 * ROWS_MAX, lives_up_to=40), 3 * ROWS_MAX)
    counts = shown(made)[1]
    assert counts
    assert ROWS_MAX - 5 <= counts.rows <= ROWS_MAX
    assert shown(made) == shown(made)


def test_a_row_that_is_no_number_spoils_nothing() -> None:
    made = windows(a_stream(3 * SIZE))
    features = made[0].rows.features.copy()
    features[3, 100] = np.nan
    spoilt = replace(made[0], rows=replace(made[0].rows, features=features))
    kept = np.flatnonzero(np.arange(SIZE) != 3)
    assert shown([spoilt, *made[1:]]) == shown([replace(made[0], rows=made[0].rows.take(kept)), *made[1:]])


def test_a_feature_that_jumps_after_standing_still_breaks_nothing() -> None:
    made = windows(a_stream(3 * SIZE))
    features = made[1].rows.features.copy()
    features[:, 7] += 1e6
    counts = shown([made[0], replace(made[1], rows=replace(made[1].rows, features=features)), made[2]])[2]
    assert counts
    assert counts.flagged > 0
