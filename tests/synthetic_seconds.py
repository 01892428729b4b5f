"""A made-up market for tests of who reads `ticks`: one quote a second, day figures that move."""

import random

import numpy as np

from tests.synthetic_models import INSTRUMENT
from tidewheel.domain.market import MarketSecond, Quotes, SourceKind
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S

START = 1_600_000_000


def seconds(
    count: int, start: int = START, session: int = 1, seed: int = 1, instrument: str = INSTRUMENT
) -> list[MarketSecond]:
    """A session of `count` seconds."""
    chance = random.Random(seed)
    bid, before, mids, made = 100 * E9, (0, 0), [], []
    for second in range(start, start + count):
        bid += chance.randint(-E9, E9)
        offer = bid + chance.randint(0, E9)
        mids.append((bid + offer) // 2)
        made.append(
            MarketSecond(
                instrument=instrument,
                session=session,
                second=second,
                first_seq=second - start + 1,
                quotes=Quotes(*(np.array([value], dtype=np.int64) for value in (second * NS_PER_S, bid, offer))),
                open_bid_e9=before[0],
                open_offer_e9=before[1],
                close_bid_e9=bid,
                close_offer_e9=offer,
                day_open_e9=mids[0],
                day_high_e9=max(mids),
                day_low_e9=min(mids),
                connection_epoch=1,
                stale=False,
                source_kind=SourceKind.SIMULATED,
                ends_session=False,
            )
        )
        before = (bid, offer)
    return made


def features_by_hand(past: list[MarketSecond], bid_e9: int, offer_e9: int) -> list[np.float32]:
    """Features of an order in the second after `past`, spelled out once more; see docs/semantics.md, "Features"."""
    mid = (bid_e9 + offer_e9) // 2
    last = past[-1]
    values = [bid_e9, offer_e9, last.day_open_e9, last.day_high_e9, last.day_low_e9]
    values += [(past[-1 - k].close_bid_e9 + past[-1 - k].close_offer_e9) // 2 for k in range(600)]
    return [np.float32(float(value - mid) / 1e9) for value in values]
