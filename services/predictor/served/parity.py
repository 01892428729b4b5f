"""Train and serve parity: features as the predictor would cut them, held against the labeler's of the same instant.
Pure.

At the first instant of a market second the quote in force is, unless one came at that very instant, the closing quote
of the second before: an order placed then has the features that PredictNow scores, bit for bit. What the predictor
would cut is sampled as a fingerprint, some seconds an instrument, and waits for the label.
"""

from collections import OrderedDict
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from services.predictor.market.history import MarketView
from tidewheel.domain.features import FEATURE_NAMES, Example
from tidewheel.domain.time import NS_PER_S

# Rows that wait for their labels, of all instruments; the oldest are forgotten.
SAMPLED_MAX = 20_000
# What tells which quote was in force: the same three numbers, and it was the same.
QUOTE_PLACES = [FEATURE_NAMES.index(name) for name in ("bid", "offer", "mid_1s")]


class Parity(StrEnum):
    """What came of a comparison."""

    EQUAL = "equal"
    DIFFERENT = "different"
    OTHER_QUOTE = "other_quote"


class _Fingerprint(NamedTuple):
    quote: bytes
    row: bytes


class ParitySample:
    """Rows that were sampled and not yet compared. Used by one thread."""

    def __init__(self, sampled_max: int = SAMPLED_MAX) -> None:
        self._sampled_max = sampled_max
        self._sampled: OrderedDict[tuple[str, int], _Fingerprint] = OrderedDict()

    def sample(self, view: MarketView) -> None:
        """What an order in the second after would be scored on; nothing where that has no features, or no order."""
        key = (view.instrument, (view.second + 1) * NS_PER_S)
        if not view.complete or view.stale or key in self._sampled:
            return
        self._sampled[key] = _fingerprint(view.row(view.bid_e9, view.offer_e9).tobytes())
        if len(self._sampled) > self._sampled_max:
            self._sampled.popitem(last=False)

    def compare(self, example: Example) -> Parity | None:
        """What came of it; None where nothing is sampled of the example's instant."""
        sampled = self._sampled.pop((example.instrument, example.placed_ns), None)
        if sampled is None:
            return None
        found = _fingerprint(example.features)
        if found.row == sampled.row:
            return Parity.EQUAL
        return Parity.DIFFERENT if found.quote == sampled.quote else Parity.OTHER_QUOTE

    def __len__(self) -> int:
        return len(self._sampled)


def _fingerprint(features: bytes) -> _Fingerprint:
    quote = np.frombuffer(features, dtype="<f4")[QUOTE_PLACES].tobytes()
    return _Fingerprint(quote, blake2b(features, digest_size=16).digest())
