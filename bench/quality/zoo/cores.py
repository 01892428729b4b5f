"""Quotes of a made market through the services' own cores, as a comparison of configurations takes them."""

from collections.abc import Iterable

import numpy as np

from backtest.labeling import LabelingConfig, LabelingPipeline
from bench.quality.zoo.market import Quoted
from services.ingest.seconds import SessionRules
from services.orderbot.core import OrderRule
from tidewheel.recordings.quotes import RawBatch

INSTRUMENT = "replay:ZOO"
RULES = SessionRules(quiet_s=600, stale_s=60)


def batches(quotes: Iterable[Quoted]) -> Iterable[RawBatch]:
    """As a source hands them on."""
    place = 1
    for some in quotes:
        count = len(some.time_ns)
        yield RawBatch(np.arange(place, place + count), some.time_ns, some.bid_e9, some.offer_e9)
        place += count


def cores(rule: OrderRule) -> LabelingPipeline:
    """Ingest, order bot and labeler of a market."""
    return LabelingPipeline(INSTRUMENT, LabelingConfig(RULES, rule))
