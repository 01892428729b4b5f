"""Evidence: none on noise, strong where there is an edge, never from few models."""

import numpy as np
import pytest

from services.trainer import evidence
from tidewheel.domain.models import Evidence, Scorecard


def card(rows: int, positives: int, flagged: int, hits: int, effective: float = 30.0) -> Scorecard:
    precision, recall = hits / max(flagged, 1), hits / max(positives, 1)
    return Scorecard(rows, positives, flagged, hits, precision, recall, positives / max(rows, 1), 0.7, effective, 0, 0)


def cards(seed: int, edge: float, count: int = 20, effective: int = 30) -> list[Scorecard]:
    """Windows whose rows come in blocks that share their outcome, with a flag rule that is right by `edge` more."""
    chance = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        base = chance.uniform(0.2, 0.6)
        flags = chance.random(effective) < 0.3
        labels = chance.random(effective) < np.where(flags, min(base + edge, 1.0), base)
        size = 100
        made.append(
            card(effective * size, labels.sum() * size, flags.sum() * size, (flags & labels).sum() * size, effective)
        )
    return made


def test_pooled_figures_by_hand() -> None:
    pooled = evidence.weigh([card(100, 40, 20, 12), card(300, 60, 30, 8), card(0, 0, 0, 0)])
    assert pooled.models == 2
    assert pooled.precision == pytest.approx(20 / 50)
    assert pooled.recall == pytest.approx(20 / 100)
    assert pooled.base_rate == pytest.approx(100 / 400)
    assert "2 models" in pooled.words


def test_nothing_judged_is_no_evidence() -> None:
    assert evidence.weigh([]) == evidence.NOTHING
    assert evidence.weigh([card(0, 0, 0, 0)]).evidence is Evidence.NONE
    assert "no model" in evidence.NOTHING.words


@pytest.mark.parametrize("flagged", [0, 100])
def test_flagging_nothing_or_everything_is_no_evidence(flagged: int) -> None:
    assert evidence.weigh([card(100, 40, flagged, flagged * 40 // 100)] * 20).evidence is Evidence.NONE


def test_few_models_are_never_enough() -> None:
    perfect = card(3000, 1000, 1000, 1000)
    found = [evidence.weigh([perfect] * count).evidence for count in range(1, 10)]
    assert found[: evidence.WEAK_MODELS_MIN - 1] == [Evidence.NONE] * 4
    assert Evidence.STRONG not in found[: evidence.STRONG_MODELS_MIN - 1]
    assert found[-1] is Evidence.STRONG


def test_noise_is_seldom_taken_for_an_edge() -> None:
    found = [evidence.weigh(cards(seed, 0.0)).evidence for seed in range(300)]
    assert found.count(Evidence.STRONG) / 300 <= 0.02
    assert (found.count(Evidence.STRONG) + found.count(Evidence.WEAK)) / 300 <= 0.13


def test_an_edge_is_found() -> None:
    found = [evidence.weigh(cards(seed, 0.3)).evidence for seed in range(50)]
    assert found.count(Evidence.STRONG) >= 45


def test_an_edge_that_one_window_makes_is_none() -> None:
    """Between them the models differ so much that the mean says nothing."""
    lucky = [card(3000, 2900, 1000, 1000), *[card(3000, 600, 1000, 200)] * 9]
    assert evidence.weigh(lucky).evidence is Evidence.NONE


def test_only_the_last_models_count() -> None:
    old_edge = cards(1, 0.4, 40)
    assert evidence.weigh([*cards(2, -0.1, 20), *old_edge]) == evidence.weigh(cards(2, -0.1, 20))
