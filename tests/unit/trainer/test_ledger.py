"""What of the registry a repeat may not take away."""

import logging
import threading
from dataclasses import replace
from typing import Any, cast

from services.trainer.ledger import Ledger
from tests.made_models import CARD, INSTRUMENT, published
from tests.simulation.redis_memory import SimRedis, Store
from tests.simulation.stage import Calm
from tidewheel.domain.models import Baseline
from tidewheel.registry.store import Registry


def test_a_scorecard_without_a_baseline_leaves_the_known_one() -> None:
    registry = Registry(cast(Any, SimRedis(Store(), Calm())), "memory")
    ledger = Ledger(registry, threading.Event(), logging.getLogger("trainer"))
    registry.publish(*published(1))
    told = replace(CARD, baseline=Baseline(90, 36, 30, 15))
    newer = replace(CARD, baseline=Baseline(90, 36, 20, 11))
    for card, known in ((CARD, CARD), (told, told), (CARD, told), (newer, newer)):
        ledger.put_scorecard(INSTRUMENT, 1, card, None)
        record = ledger.record_of(INSTRUMENT, 1)
        assert record
        assert record.scorecard == known
