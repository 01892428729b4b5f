"""Gate and proof beside the same rules written anew: equal on drawn cases, and a fault in either is seen."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.rows import Rows
from services.trainer.promotion import gate, proof
from tests import promotion_rules
from tests.synthetic_models import CARD
from tests.unit.trainer.promotion.test_gate import reader
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Champion


def drawn_rows(chance: np.random.Generator) -> tuple[Rows, float]:
    """Rows of which feature 0 knows less than feature 1, and how much less."""
    count, gap = int(chance.integers(10, 400)), float(chance.uniform(0, 0.9))
    label = chance.random(count) < 0.5
    features = np.zeros((count, FEATURE_COUNT), dtype=np.float32)
    for column, wrong in ((0, 0.5 * gap + 0.05), (1, 0.05)):
        features[:, column] = np.where(label ^ (chance.random(count) < wrong), 1, -1)
    at = np.arange(count, dtype=np.int64) * 10
    lives = chance.integers(1, int(chance.choice((5, 50, 500))), count)
    return Rows(features, label.astype(np.uint8), at, at + lives, at, at, at), gap


def test_the_gate_is_the_rule() -> None:
    chance, refused, others_reader = np.random.default_rng(1), 0, 0
    for _ in range(300):
        test, _ = drawn_rows(chance)
        holdout, served = reader(2, 0), reader(1, 1)
        wanted = promotion_rules.worse_than_served(holdout, served, test)
        assert (gate.decide(holdout, served, test).reason is not None) == wanted
        refused += wanted
        others_reader += promotion_rules.worse_than_served(served, holdout, test) != wanted
    assert 30 < refused < 270
    assert others_reader, "it matters which of the two is held against which"


@pytest.mark.parametrize("serving", [3, None])
def test_the_proof_is_the_rule(serving: int | None) -> None:
    chance, shown = np.random.default_rng(2), 0
    for _ in range(400):
        better, pairs = chance.uniform(-0.1, 0.4), []
        for _ in range(int(chance.integers(1, 25))):
            flagged, other = (int(n) for n in chance.integers(0, 60, 2))
            hits, hits_other = chance.binomial(flagged, 0.5 + better), chance.binomial(other, 0.5)
            card = replace(
                CARD,
                rows=100,
                positives=50,
                flagged=flagged,
                hits=int(hits),
                effective_rows=float(chance.uniform(2, 60)),
            )
            seq = serving if chance.random() < 0.9 else 1
            pairs.append((card, None if seq is None else Champion(seq, other, int(hits_other))))
        wanted = promotion_rules.proven(pairs, serving)
        assert proof.assess(pairs, serving).better == wanted
        shown += wanted
    assert 20 < shown < 380
