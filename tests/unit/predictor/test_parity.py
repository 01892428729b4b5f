"""The predictor's features against the labeler's, by the labeler's own core; and each kind of difference, planted."""

from dataclasses import replace

import numpy as np
import pytest

from services.labeler.core import Labeler
from services.orderbot.core import OrderRule, orders_of
from services.predictor.market.history import MarketView, PriceHistory
from services.predictor.served.parity import Parity, ParitySample
from tests.quoted_seconds import quoted_seconds
from tests.synthetic_models import INSTRUMENT
from tidewheel.domain.features import Example
from tidewheel.domain.prices import Threshold

RULE = OrderRule(1, Threshold.parse("1"))


def labelled(count: int, *, at_the_start: bool = False) -> tuple[list[MarketView], list[Example]]:
    """A market as the predictor sees it at each second, and what the labeler makes of an order each second."""
    history, labeler = PriceHistory(), Labeler(INSTRUMENT)
    views, examples = [], []
    for second in quoted_seconds(count, at_the_start=at_the_start):
        history.add(second)
        view = history.view()
        assert view is not None
        views.append(view)
        pairs = [*labeler.on_orders(orders_of(second, RULE)), *labeler.on_second(second)]
        examples += [example for _, example in pairs if example is not None]
    return views, examples


def test_what_the_predictor_would_score_is_what_the_labeler_writes() -> None:
    views, examples = labelled(700)
    sample = ParitySample()
    for view in views:
        sample.sample(view)
    results = [sample.compare(example) for example in examples]
    assert set(results) == {Parity.EQUAL}
    assert len(results) > 50
    assert sample.compare(examples[0]) is None  # each is compared once


def test_a_quote_that_came_at_the_very_instant_is_no_difference() -> None:
    views, examples = labelled(700, at_the_start=True)
    sample = ParitySample()
    for view in views:
        sample.sample(view)
    assert {sample.compare(example) for example in examples} <= {Parity.OTHER_QUOTE, Parity.EQUAL}


@pytest.mark.parametrize("place", [2, 6, 604])
def test_a_feature_that_differs_is_a_difference(place: int) -> None:
    views, examples = labelled(700)
    sample = ParitySample()
    for view in views:
        sample.sample(view)
    row = np.frombuffer(examples[0].features, dtype="<f4").copy()
    row[place] = np.nextafter(row[place], np.float32(9))
    assert sample.compare(replace(examples[0], features=row.tobytes())) is Parity.DIFFERENT


def test_only_what_could_have_an_order_is_noted_and_the_oldest_is_forgotten() -> None:
    views, _ = labelled(620)
    sample = ParitySample(sampled_max=3)
    sample.sample(views[10])  # too young
    sample.sample(replace(views[-1], stale=True))
    assert len(sample) == 0
    for view in [*views[-5:], views[-1]]:
        sample.sample(view)
    assert len(sample) == 3
