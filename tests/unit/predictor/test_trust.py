"""What an answer is worth, by hand: ages, the procedure's record, and each flag with its reason."""

import math
from dataclasses import replace

import numpy as np
import pytest

from services.predictor.core import PredictionEngine, Quote
from services.predictor.market.history import MarketViews, PriceHistory
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from services.predictor.trust.assessment import (
    FlagKind,
    ModelTrust,
    ProcedureRecord,
    ProcedureRecords,
    Trust,
    TrustCache,
    TrustPolicy,
    usual_window_ns,
)
from tests.synthetic_models import CARD, INSTRUMENT, RANGE, make_model, make_row, published
from tests.synthetic_seconds import START, seconds
from tidewheel.domain.account import Account, ModelPeriod
from tidewheel.domain.betting import Bettor
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Evidence, Model, ModelPointer, ModelRecord
from tidewheel.domain.time import NS_PER_S

WRITTEN_NS = 1_700_000_000 * NS_PER_S
# Learnt for 100 s, up to the market's 600th second.
MODEL = replace(make_model(7), first_placed_ns=(START + 500) * NS_PER_S, last_resolved_ns=(START + 600) * NS_PER_S)


def serving(model: Model = MODEL, evidence: Evidence = Evidence.NONE) -> ServingModel:
    pointer = ModelPointer(model.instrument, model.seq, 1, "sha", model.schema_hash.hex(), evidence, 1, model.seq, 2)
    return ServingModel.of(pointer, model)


def bettor(gross: float, net: float) -> Account:
    return Account(Bettor(gross=(gross,) * 5, net=(net,) * 5))


def record(seq: int, *, e: float = 1.0, drift_seq: int = 0) -> ModelRecord:
    card = replace(CARD, account=bettor(e, e / 2))
    return replace(published(1)[1], seq=seq, scorecard=card, drift_seq=drift_seq)


class Predictor:
    """An engine over one model, a market of so many seconds and a record of the procedure."""

    def __init__(
        self,
        model: Model = MODEL,
        past: int = 650,
        records: tuple[ModelRecord, ...] = (record(6, e=30.0),),
        stale: bool = False,
        **policy: object,
    ) -> None:
        slots, views, known = ModelSlots(), MarketViews(), ProcedureRecords()
        slots.put(serving(model))
        views.unavailable = None
        history = PriceHistory()
        market = seconds(past)
        market[-1] = replace(market[-1], stale=stale)
        for second in market:
            history.add(second, WRITTEN_NS)
        if (view := history.view()) is not None:
            views.put(view)
        known.put(INSTRUMENT, ProcedureRecord.of(records))
        self.engine = PredictionEngine(slots, views, known, TrustPolicy(**policy))  # type: ignore[arg-type]

    def now(self, age_s: float = 1.0) -> Trust:
        now_ns = WRITTEN_NS + round(age_s * NS_PER_S)
        return self.engine.predict_now(INSTRUMENT, None, now_ns).prediction.trust

    def row(self, row: np.ndarray) -> Trust:
        return self.engine.predict(INSTRUMENT, row).trust


def kinds(trust: Trust) -> list[FlagKind]:
    return [flag.kind for flag in trust.flags]


def test_a_good_answer_has_no_flags() -> None:
    trust = Predictor().now()
    assert kinds(trust) == []
    assert (trust.model_age_ns, trust.features_age_ns, trust.novelty) == (50 * NS_PER_S, NS_PER_S, 0.0)
    assert trust.of_model.learnt_until_ns == (START + 600) * NS_PER_S
    assert trust.of_model.record.e_values == (30.0, 15.0)
    pooled = trust.of_model.record.pooled
    assert (pooled.models, pooled.precision.value, pooled.recall, pooled.base_rate.value) == (1, 0.6, 0.3, 0.4)


def test_features_are_stale_by_the_clock_and_by_the_market() -> None:
    assert kinds(Predictor().now(10.0)) == []
    late = Predictor().now(10.1)
    assert [flag.reason for flag in late.flags] == [f"the last market second of {INSTRUMENT} was written 10.1 s ago"]
    assert kinds(late) == [FlagKind.STALE_FEATURES]
    assert kinds(Predictor(stale=True).now()) == [FlagKind.STALE_FEATURES]
    assert kinds(Predictor(features_stale_after_s=0.5).now()) == [FlagKind.STALE_FEATURES]


def test_a_clock_that_is_behind_says_nothing_of_a_negative_age() -> None:
    assert Predictor().now(-5.0).features_age_ns == 0


def test_given_features_have_no_age() -> None:
    trust = Predictor(stale=True).row(make_row(1))
    assert (trust.features_age_ns, kinds(trust)) == (None, [])
    assert trust.model_age_ns == 50 * NS_PER_S


@pytest.mark.parametrize(("past", "flags"), [(800, []), (801, [FlagKind.MODEL_OVERDUE])])
def test_a_model_is_overdue_after_two_windows(past: int, flags: list[FlagKind]) -> None:
    trust = Predictor(past=past).now()
    assert kinds(trust) == flags
    assert trust.of_model.overdue.reason == "the model learnt longer ago than 2 windows usually take (100 s each)"


def test_what_a_window_usually_takes_is_the_median_of_what_is_known() -> None:
    closes = {4: 0, 5: 40 * NS_PER_S, 6: 60 * NS_PER_S}
    model = replace(MODEL, last_resolved_ns=160 * NS_PER_S)
    assert usual_window_ns(model, closes) == 40 * NS_PER_S
    # Windows between that left no model count, and closes that go backward say nothing.
    assert usual_window_ns(model, {5: 100 * NS_PER_S}) == 30 * NS_PER_S
    assert usual_window_ns(model, {6: 500 * NS_PER_S}) == 160 * NS_PER_S - model.first_placed_ns


def test_without_a_market_no_age_is_told() -> None:
    slots = ModelSlots()
    slots.put(serving())
    trust = PredictionEngine(slots, MarketViews()).predict(INSTRUMENT, make_row(1)).trust
    assert (trust.model_age_ns, trust.features_age_ns) == (None, None)


def test_a_row_is_novel_by_the_share_of_features_beyond_the_range() -> None:
    row = make_row(1)
    row[:30] = RANGE  # an end of the range is within
    assert kinds(Predictor().row(row)) == []
    row[:30] = -np.nextafter(np.float32(RANGE), np.float32(np.inf))
    trust = Predictor().row(row)
    assert (trust.novelty, kinds(trust)) == (30 / FEATURE_COUNT, [])  # 4.96 % are not above 5 %
    row[30] = RANGE + 1
    trust = Predictor().row(row)
    assert kinds(trust) == [FlagKind.NOVEL_INPUT]
    assert trust.flags[0].reason == "31 of 605 features lie outside the range that training saw"


def test_of_a_batch_the_most_novel_row_counts() -> None:
    rows = np.array([make_row(seed) for seed in range(4)])
    rows[2, :100], rows[3, :50] = 2 * RANGE, -2 * RANGE
    trust = Predictor().engine.predict_batch(INSTRUMENT, rows).trust
    assert trust.novelty == 100 / FEATURE_COUNT
    assert "100 of 605 features of row 2 lie" in trust.flags[0].reason
    alone = Predictor().engine.predict_batch(INSTRUMENT, rows[2:3]).trust
    assert (alone.novelty, "of row 0 lie" in alone.flags[0].reason) == (trust.novelty, True)


def test_a_model_without_ranges_tells_no_novelty() -> None:
    trust = Predictor(replace(MODEL, lowest=b"", highest=b"")).row(np.full(FEATURE_COUNT, 1e6, dtype="<f4"))
    assert (trust.novelty, kinds(trust)) == (None, [])


@pytest.mark.parametrize(("drift_seq", "flags"), [(0, []), (6, []), (7, [FlagKind.DRIFT]), (8, [FlagKind.DRIFT])])
def test_drift_is_seen_until_a_model_learnt_from_later_rows(drift_seq: int, flags: list[FlagKind]) -> None:
    trust = Predictor(records=(record(6, e=30.0, drift_seq=drift_seq),)).now()
    assert kinds(trust) == flags


def test_evidence_is_what_the_bettor_has_now() -> None:
    assert kinds(Predictor(records=(record(6, e=20.0),)).now()) == []
    assert kinds(Predictor(records=(record(6, e=19.9),)).now()) == [FlagKind.NO_EVIDENCE]
    (flag,) = Predictor(records=(record(6, e=15.0),)).now().flags
    assert flag.reason == "nothing shows that the procedure beats always saying yes: e = 15, net 7.5"
    assert kinds(Predictor(records=()).now()) == [FlagKind.NO_EVIDENCE]
    newest_first = (record(6, e=1.0), record(5, e=50.0))
    assert kinds(Predictor(records=newest_first).now()) == [FlagKind.NO_EVIDENCE]


def test_before_a_record_is_known_the_pointers_evidence_counts() -> None:
    cache = TrustCache(ProcedureRecords())
    assert [flag.kind for flag in cache.of(serving(evidence=Evidence.WEAK)).flags] == []
    assert [flag.kind for flag in cache.of(serving(evidence=Evidence.NONE)).flags] == [FlagKind.NO_EVIDENCE]


def test_what_holds_for_a_model_is_made_once_and_anew_with_another_record() -> None:
    records = ProcedureRecords()
    cache, one = TrustCache(records), serving()
    made = cache.of(one)
    assert cache.of(one) is made
    records.put(INSTRUMENT, ProcedureRecord.of((record(6, e=30.0),)))
    assert cache.of(one) is not made
    assert isinstance(cache.of(one), ModelTrust)
    assert cache.of(serving()) is not cache.of(one)


@pytest.mark.parametrize("kind", FlagKind)
def test_each_flag_can_be_a_refusal(kind: FlagKind) -> None:
    bad = Predictor(
        past=900, stale=True, records=(record(6, drift_seq=7),), novel_share_max=0.0, refuse_when=frozenset({kind})
    )
    row = make_row(1)
    row[0] = 2 * RANGE
    ask = (lambda: bad.row(row)) if kind is FlagKind.NOVEL_INPUT else bad.now
    with pytest.raises(PredictionRefusedError) as caught:
        ask()
    assert caught.value.reason is RefusalReason.NOT_TRUSTED
    assert str(caught.value).endswith(f"; this predictor refuses what is flagged {kind}")
    others = frozenset(FlagKind) - {kind}
    fine = Predictor(refuse_when=others)
    assert kinds(fine.now()) == []


@pytest.mark.parametrize(
    "card",
    [
        replace(CARD, hits=200),
        replace(CARD, positives=-5),
        replace(CARD, account=bettor(math.inf, 1.0)),
        replace(CARD, account=bettor(math.nan, 1.0)),
    ],
)
def test_a_record_that_cannot_be_is_refused(card: object) -> None:
    with pytest.raises(ValueError, match=r"no shares|not finite|math domain"):
        ProcedureRecord.of((replace(record(6), scorecard=card),))  # type: ignore[arg-type]


def test_periods_of_accounts_tell_when_windows_closed() -> None:
    account = replace(bettor(1, 1), periods=(ModelPeriod(4, 10, 1), ModelPeriod(5, 30, 1)))
    found = ProcedureRecord.of((replace(record(5), scorecard=replace(CARD, account=account)),))
    assert found.closes == {4: 10, 5: 30}


def test_a_quote_that_is_no_quote_is_refused_before_anything_else() -> None:
    with pytest.raises(PredictionRefusedError, match="no price"):
        Predictor().engine.predict_now(INSTRUMENT, Quote(0, 1))
