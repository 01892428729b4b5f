"""What a watcher hears, by turns of the test's own."""

from dataclasses import replace

import pytest

from services.predictor.core import PredictionEngine
from services.predictor.market.history import MarketViews
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.refusals import PredictionRefusedError
from services.predictor.trust.assessment import ProcedureRecord, ProcedureRecords
from services.predictor.watch_model import watch
from tests.synthetic_models import CARD, INSTRUMENT, make_model, published
from tidewheel.domain.account import Account
from tidewheel.domain.models import Evidence, ModelPointer
from tidewheel.wire.v1.predictor_pb2 import WatchModelResponse


def serving(seq: int, epoch: int = 1) -> ServingModel:
    pointer = ModelPointer(INSTRUMENT, seq, epoch, f"sha {seq}", "", Evidence.NONE, 9, seq, 2)
    return ServingModel.of(pointer, make_model(seq))


def test_swaps_and_scorecards_are_heard_and_nothing_twice() -> None:
    slots, records = ModelSlots(), ProcedureRecords()
    slots.put(serving(1))
    judged = replace(published(1)[1], scorecard=replace(CARD, account=Account()))

    turns = iter(
        [
            lambda: False,
            lambda: False,  # nothing has changed
            lambda: records.put(INSTRUMENT, ProcedureRecord.of([judged])),
            lambda: slots.put(serving(2)),
            lambda: False,
            lambda: slots.put(serving(1, epoch=2)),
            lambda: True,
        ]
    )
    heard = [
        WatchModelResponse.FromString(one)
        for one in watch(PredictionEngine(slots, MarketViews(), records), INSTRUMENT, lambda _: bool(next(turns)()))
    ]
    assert [(one.model.seq, one.model.epoch, one.swapped, one.judged_seq) for one in heard] == [
        *((1, 1, True, 0), (1, 1, False, 1), (2, 1, True, 1), (1, 2, True, 1)),
    ]
    assert not heard[0].HasField("scorecard")
    assert (heard[1].scorecard.rows, heard[1].scorecard.precision) == (100, 0.6)
    assert not heard[1].scorecard.HasField("account")
    assert (heard[1].trust.models_judged, heard[1].published_at_ns) == (1, 9)


def test_without_a_model_there_is_nothing_to_watch() -> None:
    with pytest.raises(PredictionRefusedError):
        next(watch(PredictionEngine(ModelSlots(), MarketViews()), INSTRUMENT, lambda _: True))
