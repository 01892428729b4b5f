"""What the predictor answers, and refuses, without any transport."""

from dataclasses import replace

import numpy as np
import pytest

from services.predictor.core import PredictionEngine, Quote
from services.predictor.market.history import MarketViews, PriceHistory
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from tests.synthetic_models import INSTRUMENT, make_model, make_row
from tests.synthetic_seconds import features_by_hand, seconds
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.models import Evidence, Model, ModelPointer, Scorer
from tidewheel.domain.prices import E9, PRICE_MAX_E9


def serving(model: Model, epoch: int = 1) -> ServingModel:
    sha256, schema = f"sha of {model.seq}", SCHEMA_HASH.hex()
    pointer = ModelPointer(model.instrument, model.seq, epoch, sha256, schema, Evidence.WEAK, 1, model.seq, 2)
    return ServingModel.of(pointer, model)


def probability(model: Model, row: np.ndarray) -> float:
    """The formula of models.proto, spelled out once more."""
    z = model.intercept + sum(
        c * (float(x) - m) / s for c, x, m, s in zip(model.coefficients, row, model.mean, model.std, strict=True)
    )
    return float(1 / (1 + np.exp(-z)))


@pytest.fixture
def slots() -> ModelSlots:
    made = ModelSlots()
    made.put(serving(make_model(7)))
    made.set_awaiting_model(frozenset({"sim:WAITING"}))
    return made


@pytest.fixture
def markets() -> MarketViews:
    made = MarketViews()
    made.unavailable = None
    return made


@pytest.fixture
def engine(slots: ModelSlots, markets: MarketViews) -> PredictionEngine:
    return PredictionEngine(slots, markets)


def show(markets: MarketViews, past: list[MarketSecond]) -> None:
    history = PriceHistory()
    for second in past:
        history.add(second)
    view = history.view()
    assert view is not None
    markets.put(view)


def refusal(engine: PredictionEngine, call: str, *arguments: object) -> tuple[RefusalReason, str]:
    with pytest.raises(PredictionRefusedError) as caught:
        getattr(engine, call)(*arguments)
    return caught.value.reason, str(caught.value)


def test_a_score_is_the_formulas_and_names_its_model(engine: PredictionEngine) -> None:
    model = make_model(7)
    for seed in range(20):
        row = make_row(seed)
        given = engine.predict(INSTRUMENT, row, SCHEMA_HASH)
        assert given.score == pytest.approx(probability(model, row), abs=1e-12)
        assert given.label == (given.score >= model.threshold)
        assert (given.model.seq, given.model.epoch, given.model.sha256) == (7, 1, "sha of 7")
        assert (given.model.threshold, given.model.evidence) == (0.5, Evidence.WEAK)


def test_a_score_at_the_threshold_is_flagged(slots: ModelSlots, engine: PredictionEngine) -> None:
    row = make_row(1)
    score = Scorer.of(make_model(7)).score(row)
    for threshold, label in ((score, 1), (np.nextafter(score, 1), 0)):
        slots.put(serving(replace(make_model(7), threshold=float(threshold))))
        assert engine.predict(INSTRUMENT, row).label == label


def test_a_batch_gives_each_row_what_it_gets_alone(engine: PredictionEngine) -> None:
    rows = np.array([make_row(seed) for seed in range(9)])
    given = engine.predict_batch(INSTRUMENT, rows)
    alone = [engine.predict(INSTRUMENT, row) for row in rows]
    assert given.scores.tolist() == [one.score for one in alone]
    assert given.labels.tolist() == [one.label for one in alone]
    for row, one in zip(rows, alone, strict=True):
        given = engine.predict_batch(INSTRUMENT, row[np.newaxis])
        assert (given.scores.tolist(), given.labels.tolist()) == ([one.score], [one.label])
        assert (given.scores.dtype, given.labels.dtype) == (np.float64, np.uint32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite(engine: PredictionEngine, value: float) -> None:
    row = make_row(1)
    row[6] = value
    assert refusal(engine, "predict", INSTRUMENT, row) == (
        RefusalReason.INVALID_INPUT,
        "features: number 6 (mid_2s) is not finite",
    )
    for number, rows in ((1, [make_row(1), row]), (0, [row])):
        assert refusal(engine, "predict_batch", INSTRUMENT, np.array(rows)) == (
            RefusalReason.INVALID_INPUT,
            f"features: number 6 (mid_2s) of row {number} is not finite",
        )


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow")
def test_a_row_that_overflows_the_weights_has_no_score(slots: ModelSlots, engine: PredictionEngine) -> None:
    weights = np.zeros(605)
    weights[:2] = 1e308, -1e308
    slots.put(serving(replace(make_model(7), coefficients=weights, std=np.ones(605))))
    row = np.full(605, 1e30, dtype="<f4")
    wanted = (RefusalReason.INVALID_INPUT, "features: too large for the weights of model 7: they have no score")
    assert refusal(engine, "predict", INSTRUMENT, row) == wanted
    assert refusal(engine, "predict_batch", INSTRUMENT, np.array([make_row(1), row])) == wanted


def test_a_score_at_its_end_is_one(slots: ModelSlots, engine: PredictionEngine) -> None:
    slots.put(serving(replace(make_model(7), intercept=1e6)))
    assert engine.predict(INSTRUMENT, make_row(1)).score == 1.0
    assert engine.predict_batch(INSTRUMENT, np.array([make_row(1)])).scores.tolist() == [1.0]


def test_another_schema(engine: PredictionEngine) -> None:
    reason, words = refusal(engine, "predict", INSTRUMENT, make_row(1), bytes(32))
    assert reason is RefusalReason.INVALID_INPUT
    assert SCHEMA_HASH.hex() in words


def test_instruments(engine: PredictionEngine, markets: MarketViews) -> None:
    show(markets, seconds(3, instrument="sim:ONLY-TICKS"))
    for instrument, expected, words in (
        ("BTC-USD", RefusalReason.INVALID_INPUT, "instrument: 'BTC-USD' is no instrument id"),
        ("", RefusalReason.INVALID_INPUT, "instrument: '' is no instrument id"),
        ("sim:OTHER", RefusalReason.UNKNOWN_INSTRUMENT, INSTRUMENT),
        ("sim:WAITING", RefusalReason.NO_MODEL, "wait until a window"),
        ("sim:ONLY-TICKS", RefusalReason.NO_MODEL, "wait until a window"),
    ):
        reason, said = refusal(engine, "predict", instrument, make_row(1))
        assert (reason, words in said) == (expected, True), said


def test_before_the_registry_answered_nothing_is_said_to_be_unknown() -> None:
    engine = PredictionEngine(ModelSlots(), MarketViews())
    assert refusal(engine, "predict", INSTRUMENT, make_row(1))[0] is RefusalReason.REGISTRY_UNAVAILABLE


def test_now_is_scored_on_features_cut_by_hand(engine: PredictionEngine, markets: MarketViews) -> None:
    past = seconds(1000)
    show(markets, past)
    given = engine.predict_now(INSTRUMENT)
    close = past[-1].close_bid_e9, past[-1].close_offer_e9
    assert (given.quote.bid_e9, given.quote.offer_e9) == close
    assert (given.second, given.stale) == (past[-1].second, False)
    row = np.array(features_by_hand(past, *close), dtype="<f4")
    assert given.prediction.score == engine.predict(INSTRUMENT, row).score
    mine = Quote(98 * E9 + 1, 99 * E9 + 2)
    row = np.array(features_by_hand(past, mine.bid_e9, mine.offer_e9), dtype="<f4")
    assert engine.predict_now(INSTRUMENT, mine).prediction.score == engine.predict(INSTRUMENT, row).score


@pytest.mark.parametrize("count", [1, 599])
def test_now_needs_ten_minutes(engine: PredictionEngine, markets: MarketViews, count: int) -> None:
    show(markets, seconds(count))
    reason, words = refusal(engine, "predict_now", INSTRUMENT)
    assert reason is RefusalReason.NO_HISTORY
    assert words == f"needs 600 one-second prices of the present session of {INSTRUMENT}, has {count}"


def test_now_without_a_market(engine: PredictionEngine, markets: MarketViews) -> None:
    assert refusal(engine, "predict_now", INSTRUMENT)[1].endswith("has 0")
    show(markets, seconds(600))
    markets.unavailable = "Kafka is away"
    assert refusal(engine, "predict_now", INSTRUMENT) == (RefusalReason.MARKET_UNAVAILABLE, "Kafka is away")
    engine.predict(INSTRUMENT, make_row(1))


@pytest.mark.parametrize(
    ("bid", "offer", "words"),
    [
        (0, E9, "bid_e9: 0 is no price"),
        (E9, 0, "offer_e9: 0 is no price"),
        (-E9, E9, "bid_e9: -1000000000 is no price"),
        (E9, PRICE_MAX_E9 + 1, "is no price"),
        (E9 + 1, E9, "the quote is crossed"),
    ],
)
def test_a_quote_that_is_none(engine: PredictionEngine, markets: MarketViews, bid: int, offer: int, words: str) -> None:
    show(markets, seconds(600))
    reason, said = refusal(engine, "predict_now", INSTRUMENT, Quote(bid, offer))
    assert (reason, words in said) == (RefusalReason.INVALID_INPUT, True), said


def test_a_locked_quote_is_one(engine: PredictionEngine, markets: MarketViews) -> None:
    show(markets, seconds(600))
    engine.predict_now(INSTRUMENT, Quote(E9, E9))
