"""Small parts of made-up rows: few features, one of which tells something, and lives that overlap a little."""

import numpy as np

from services.trainer.dataset.sample import Sample
from tidewheel.domain.models import sigmoid

SECOND_NS = 10**9
FEATURES = 12
TELLING = 2


def part(seed: int = 1, count: int = 600, signal: float = 1.0, life_s: int = 5, from_s: int = 0) -> Sample:
    """A row a second by placed time; feature `TELLING` raises the chance of PROFIT by `signal` in logits."""
    chance = np.random.default_rng(seed)
    features = chance.standard_normal((count, FEATURES)).astype(np.float32)
    label = chance.random(count) < sigmoid(signal * features[:, TELLING].astype(np.float64))
    ids = from_s + np.arange(count)
    placed_ns = ids * SECOND_NS
    return Sample(features, label.astype(np.uint8), placed_ns, placed_ns + life_s * SECOND_NS, ids, np.ones(count))


def changed(sample: Sample) -> Sample:
    """A copy to write into."""
    return Sample(*(column.copy() for column in sample.columns()))
