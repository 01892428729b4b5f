"""The proof: none on noise, found on an edge, and never from rows on which another model served."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.rows import Rows
from services.trainer.promotion import proof
from services.trainer.promotion.proof import PAIRS_MIN, JudgedModel, assess
from tests.unit.evidence.test_pooling import card
from tests.unit.trainer.promotion.test_gate import reader, rows
from tidewheel.domain.models import Champion
from tidewheel.evidence import pooling

WINDOWS, SEEDS = 60, 30
BLOCK = 100

Edges = Callable[[int, int | None], tuple[float, float]]


def a_pair(chance: np.random.Generator, edges: tuple[float, float], serving: int | None, claimed: float) -> JudgedModel:
    """A window whose rows come in 20 blocks that share their outcome. Two rules flag some, each right by its edge more;
    `claimed`: how many independent rows the window is said to be worth."""
    base, (own, other) = chance.uniform(0.2, 0.6), edges
    flags, champions = chance.random(20) < 0.3, chance.random(20) < 0.3
    labels = chance.random(20) < np.clip(base + own * flags + other * champions, 0.0, 1.0)
    made = card(*(int(count) * BLOCK for count in (20, labels.sum(), flags.sum(), (flags & labels).sum())), claimed)
    served = (
        Champion(serving, int(champions.sum()) * BLOCK, int((champions & labels).sum()) * BLOCK) if serving else None
    )
    return made, served


def promotions(seed: int, edges: Edges, claimed: float = 20.0) -> Iterator[int]:
    """The windows at which `proven` promotes. `edges`: of the procedure and of the model that serves, by window."""
    chance, pairs, serving = np.random.default_rng(seed), list[JudgedModel](), None
    for window in range(2, WINDOWS + 2):
        pairs.append(a_pair(chance, edges(window, serving), serving, claimed))
        if assess(pairs[::-1], serving).better:
            serving, pairs = window, []
            yield window


def noise(window: int, serving: int | None) -> tuple[float, float]:
    return 0.0, 0.0


def share_of_noise(claimed: float = 20.0) -> float:
    """Of all windows of some markets without an edge, those that promote."""
    return sum(len(list(promotions(seed, noise, claimed))) for seed in range(SEEDS)) / (SEEDS * WINDOWS)


def against(
    serving: int, own: tuple[int, int], other: tuple[int, int], champion: int = 0, count: int = 8
) -> list[JudgedModel]:
    """Windows alike: (flagged, hits) of each side, of 1,000 rows with 400 positives."""
    return [(card(1000, 400, *own, 200.0), Champion(champion or serving, *other))] * count


def test_on_noise_hardly_a_window_promotes() -> None:
    assert share_of_noise() <= 0.02


def test_windows_worth_less_than_they_claim_are_seen_by_how_models_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    assert share_of_noise(claimed=2000.0) <= 0.02
    for module in (proof, pooling):
        monkeypatch.setattr(module, "standard_error_between", lambda _: 0.0)
    assert share_of_noise(claimed=2000.0) > 0.03


def test_models_alike_by_luck_are_seen_by_what_their_rows_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    few = [(card(1000, 400, 300, 180, 4.0), Champion(3, 300, 120))] * 8
    assert not assess(few, 3).better
    assert assess(against(3, (300, 180), (300, 120)), 3).better
    monkeypatch.setattr(proof, "pair_error_of_sizes", lambda _: 0.0)
    assert assess(few, 3).better


def test_a_procedure_with_an_edge_is_promoted_and_then_left_alone() -> None:
    found = [list(promotions(seed, lambda _, serving: (0.35, 0.35))) for seed in range(SEEDS)]
    assert sum(bool(at and at[0] <= 20) for at in found) >= 0.8 * SEEDS
    assert np.mean([len(at) for at in found]) <= 1.5


def test_newer_models_replace_one_whose_market_is_gone() -> None:
    """From window 30 on only models made since then know anything."""

    def turned(window: int, serving: int | None) -> tuple[float, float]:
        return 0.35, 0.35 if window < 30 or (serving or 0) >= 30 else -0.1

    found = [list(promotions(seed, turned)) for seed in range(SEEDS)]
    assert sum(any(30 < window <= 50 for window in at) for at in found) >= 0.8 * SEEDS


def test_rows_of_other_champions_do_not_count() -> None:
    """Far better than model 3 once, no better than model 9 now."""
    then, now = against(3, (300, 240), (300, 60)), against(9, (300, 150), (300, 150))
    assert assess(then, 3).better
    assert not assess([*now, *then], 9).better
    assert assess([*now, *then], 9) == assess(now, 9)
    # Were they counted, they would prove it.
    assert assess([*now, *against(3, (300, 240), (300, 60), champion=9)], 9).better
    unserved = [(one, None) for one, _ in then]
    assert assess([*now, *unserved], 9) == assess(now, 9)
    assert assess([*then, *unserved], None) == assess(unserved, None)


def test_few_models_show_nothing() -> None:
    perfect = against(3, (300, 300), (300, 0), count=20)
    found = [assess(perfect[:count], 3).better for count in range(PAIRS_MIN + 1)]
    assert found == [False] * PAIRS_MIN + [True]
    first = [(one, None) for one, _ in perfect]
    found = [assess(first[:count], None).better for count in range(pooling.STRONG_MODELS_MIN + 1)]
    assert found == [False] * pooling.STRONG_MODELS_MIN + [True]
    assert "4 of at least 5 models" in assess(perfect[:4], 3).detail


def test_windows_without_rows_say_nothing() -> None:
    empty = [(card(0, 0, 0, 0), Champion(3, 0, 0))] * 10
    assert assess([*empty, *against(3, (300, 300), (300, 0), count=4)], 3).detail.startswith("4 of")


def test_only_the_last_models_count() -> None:
    now, then = (
        against(3, (300, 150), (300, 150), count=pooling.MODELS_MAX),
        against(3, (300, 300), (300, 0), count=99),
    )
    assert assess([*now, *then], 3) == assess(now, 3)


def test_the_difference_by_hand() -> None:
    pairs = [
        (card(100, 40, 20, 12, 50.0), Champion(3, 10, 3)),
        (card(100, 60, 20, 16, 50.0), Champion(3, 30, 21)),
        (card(100, 50, 10, 7, 50.0), Champion(3, 20, 6)),
        *[(card(100, 50, 10, 5, 50.0), Champion(3, 20, 10))] * 2,
    ]
    proof_of_pairs = assess(pairs, 3)
    assert "precision 0.643, its own there 0.500; difference +0.143" in proof_of_pairs.detail
    assert not proof_of_pairs.better
    # 70 of 500 rows flagged, worth 35; (45/70 * 35 + 1) / 37 drawn. And so for the champion's 50 of 100.
    drawn, drawn_champion = 23.5 / 37, 0.5
    by_hand = (drawn * (1 - drawn) / 35 + drawn_champion * 0.5 / 50) ** 0.5
    assert proof.pair_error_of_sizes(pairs) == pytest.approx(by_hand)
    pulls = [(12 - 20 * 45 / 70) / 70 - (3 - 5) / 100, (16 - 20 * 45 / 70) / 70 - (21 - 15) / 100]
    pulls += [(7 - 10 * 45 / 70) / 70 - (6 - 10) / 100, *[(5 - 10 * 45 / 70) / 70 - 0.0] * 2]
    assert proof.pair_error_between(pairs) == pytest.approx((5 / 4 * sum(influence**2 for influence in pulls)) ** 0.5)


def test_a_serving_model_that_flags_nothing_is_no_better_than_none() -> None:
    silent = against(3, (300, 300), (0, 0), count=20)
    assert not assess(silent[:7], 3).better
    assert assess(silent, 3).better
    assert not assess(against(3, (0, 0), (300, 100)), 3).better


def test_a_champion_is_judged_on_rows_placed_after_its_own_window_only() -> None:
    labels = np.arange(300) % 2 == 0
    later: Rows = rows(labels, {0: labels, 1: np.arange(300) % 3 == 0}, overlapping=False)
    early = replace(reader(3, 1), last_resolved_ns=-1, lineage=replace(reader(3, 1).lineage, last_example_seq=-1))
    assert proof.champion(early, later) == Champion(3, 100, 50)
    assert proof.champion(replace(early, last_resolved_ns=0), later) is None
    assert proof.champion(early, later.take(slice(0))) is None
