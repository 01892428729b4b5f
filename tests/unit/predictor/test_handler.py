"""What the predictor answers, and refuses, without any transport."""

from dataclasses import replace

import numpy as np
import pytest

from services.predictor.handler import Handler, Quote
from services.predictor.history import History, MarketViews
from services.predictor.model_slot import ModelSlots, ServingModel
from services.predictor.refusals import Refused, Why
from tests.made_models import INSTRUMENT, a_model, a_row
from tests.made_seconds import features_by_hand, seconds
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.models import Evidence, Model, Scorer
from tidewheel.domain.prices import E9, PRICE_MAX_E9
from tidewheel.registry.pointer import Pointer


def serving(model: Model, epoch: int = 1) -> ServingModel:
    sha256, schema = f"sha of {model.seq}", SCHEMA_HASH.hex()
    pointer = Pointer(model.instrument, model.seq, epoch, sha256, schema, Evidence.WEAK, 1, model.seq, 2)
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
    made.put(serving(a_model(7)))
    made.note_waiting(frozenset({"sim:WAITING"}))
    return made


@pytest.fixture
def markets() -> MarketViews:
    made = MarketViews()
    made.away = None
    return made


@pytest.fixture
def handler(slots: ModelSlots, markets: MarketViews) -> Handler:
    return Handler(slots, markets)


def show(markets: MarketViews, past: list[MarketSecond]) -> None:
    history = History()
    for second in past:
        history.add(second)
    view = history.view()
    assert view is not None
    markets.put(view)


def refusal(handler: Handler, call: str, *arguments: object) -> tuple[Why, str]:
    with pytest.raises(Refused) as caught:
        getattr(handler, call)(*arguments)
    return caught.value.why, str(caught.value)


def test_a_score_is_the_formulas_and_names_its_model(handler: Handler) -> None:
    model = a_model(7)
    for seed in range(20):
        row = a_row(seed)
        given = handler.predict(INSTRUMENT, row, SCHEMA_HASH)
        assert given.score == pytest.approx(probability(model, row), abs=1e-12)
        assert given.label == (given.score >= model.threshold)
        assert (given.model.seq, given.model.epoch, given.model.sha256) == (7, 1, "sha of 7")
        assert (given.model.threshold, given.model.evidence) == (0.5, Evidence.WEAK)


def test_a_score_at_the_threshold_is_flagged(slots: ModelSlots, handler: Handler) -> None:
    row = a_row(1)
    score = Scorer.of(a_model(7)).score(row)
    for threshold, label in ((score, 1), (np.nextafter(score, 1), 0)):
        slots.put(serving(replace(a_model(7), threshold=float(threshold))))
        assert handler.predict(INSTRUMENT, row).label == label


def test_a_batch_gives_each_row_what_it_gets_alone(handler: Handler) -> None:
    rows = np.array([a_row(seed) for seed in range(9)])
    given = handler.predict_batch(INSTRUMENT, rows)
    alone = [handler.predict(INSTRUMENT, row) for row in rows]
    assert given.scores.tolist() == [one.score for one in alone]
    assert given.labels.tolist() == [one.label for one in alone]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite(handler: Handler, value: float) -> None:
    row = a_row(1)
    row[6] = value
    assert refusal(handler, "predict", INSTRUMENT, row) == (
        Why.BAD_INPUT,
        "features: number 6 (mid_2s) is not finite",
    )
    rows = np.array([a_row(1), row])
    assert refusal(handler, "predict_batch", INSTRUMENT, rows) == (
        Why.BAD_INPUT,
        "features: number 6 (mid_2s) of row 1 is not finite",
    )


def test_another_schema(handler: Handler) -> None:
    why, words = refusal(handler, "predict", INSTRUMENT, a_row(1), bytes(32))
    assert why is Why.BAD_INPUT
    assert SCHEMA_HASH.hex() in words


def test_instruments(handler: Handler, markets: MarketViews) -> None:
    show(markets, seconds(3, instrument="sim:ONLY-TICKS"))
    for instrument, expected, words in (
        ("BTC-USD", Why.BAD_INPUT, "instrument: 'BTC-USD' is no instrument id"),
        ("", Why.BAD_INPUT, "instrument: '' is no instrument id"),
        ("sim:OTHER", Why.UNKNOWN_INSTRUMENT, INSTRUMENT),
        ("sim:WAITING", Why.NO_MODEL, "wait until a window"),
        ("sim:ONLY-TICKS", Why.NO_MODEL, "wait until a window"),
    ):
        why, said = refusal(handler, "predict", instrument, a_row(1))
        assert (why, words in said) == (expected, True), said


def test_before_the_registry_answered_nothing_is_said_to_be_unknown() -> None:
    handler = Handler(ModelSlots(), MarketViews())
    assert refusal(handler, "predict", INSTRUMENT, a_row(1))[0] is Why.REGISTRY_AWAY


def test_now_is_scored_on_features_cut_by_hand(handler: Handler, markets: MarketViews) -> None:
    past = seconds(1000)
    show(markets, past)
    given = handler.predict_now(INSTRUMENT)
    close = past[-1].close_bid_e9, past[-1].close_offer_e9
    assert (given.quote.bid_e9, given.quote.offer_e9) == close
    assert (given.second, given.stale) == (past[-1].second, False)
    row = np.array(features_by_hand(past, *close), dtype="<f4")
    assert given.prediction.score == handler.predict(INSTRUMENT, row).score
    mine = Quote(98 * E9 + 1, 99 * E9 + 2)
    row = np.array(features_by_hand(past, mine.bid_e9, mine.offer_e9), dtype="<f4")
    assert handler.predict_now(INSTRUMENT, mine).prediction.score == handler.predict(INSTRUMENT, row).score


@pytest.mark.parametrize("count", [1, 599])
def test_now_needs_ten_minutes(handler: Handler, markets: MarketViews, count: int) -> None:
    show(markets, seconds(count))
    why, words = refusal(handler, "predict_now", INSTRUMENT)
    assert why is Why.NO_HISTORY
    assert words == f"needs 600 one-second prices of the present session of {INSTRUMENT}, has {count}"


def test_now_without_a_market(handler: Handler, markets: MarketViews) -> None:
    assert refusal(handler, "predict_now", INSTRUMENT)[1].endswith("has 0")
    show(markets, seconds(600))
    markets.away = "Kafka is away"
    assert refusal(handler, "predict_now", INSTRUMENT) == (Why.MARKET_AWAY, "Kafka is away")
    handler.predict(INSTRUMENT, a_row(1))


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
def test_a_quote_that_is_none(handler: Handler, markets: MarketViews, bid: int, offer: int, words: str) -> None:
    show(markets, seconds(600))
    why, said = refusal(handler, "predict_now", INSTRUMENT, Quote(bid, offer))
    assert (why, words in said) == (Why.BAD_INPUT, True), said


def test_a_locked_quote_is_one(handler: Handler, markets: MarketViews) -> None:
    show(markets, seconds(600))
    handler.predict_now(INSTRUMENT, Quote(E9, E9))
