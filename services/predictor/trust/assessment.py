"""What an answer is worth: how old its model is, how the procedure did on later rows, and what speaks against it. Pure.

What holds for a model whatever is asked of it is made once and kept, see `TrustCache`; the rest is a few comparisons a
call. Times of models are market time, ages of features are wall clock: docs/semantics.md, "What an answer is worth".
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from services.predictor.market.history import MarketView
from services.predictor.models.model_slot import ServingModel
from services.predictor.models.version_cache import VersionCache
from tidewheel.domain.models import Evidence, Model, ModelRecord, Scorecard
from tidewheel.domain.time import NS_PER_S
from tidewheel.evidence.pooled_scorecards import NO_SCORECARDS, PooledScorecards
from tidewheel.evidence.pooling import MODELS_MAX, pool_scorecards
from tidewheel.presentation.sentences import wealth_text

# Older than so many windows usually take: one is always open, and a second one is late.
OVERDUE_WINDOWS = 2
# Records that an instrument's record is made of: the one of the window that is open has no scorecard yet.
RECORDS_READ = MODELS_MAX + 1


class FlagKind(StrEnum):
    """Reasons not to take a score at its word."""

    STALE_FEATURES = "stale_features"
    MODEL_OVERDUE = "model_overdue"
    NOVEL_INPUT = "novel_input"
    DRIFT = "drift"
    NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason, with a sentence for people."""

    kind: FlagKind
    reason: str


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """From when on an answer is flagged, and which flags turn it into a refusal. `novel_share_max`: of the features."""

    features_stale_after_s: float = 10.0
    novel_share_max: float = 0.05
    refuse_when: frozenset[FlagKind] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class ProcedureRecord:
    """How the models of one instrument did on later rows. `closes`: windows and until when their models learnt, in
    market time. `judged`: the newest window whose model is judged, and its scorecard. `drift_seq`: the newest window
    whose rows showed drift; 0 for none."""

    pooled: PooledScorecards = NO_SCORECARDS
    closes: Mapping[int, int] = field(default_factory=dict)
    judged: tuple[int, Scorecard] | None = None
    drift_seq: int = 0

    @classmethod
    def of(cls, newest_first: Sequence[ModelRecord]) -> "ProcedureRecord":
        """Raises ValueError where the figures cannot be those of any rows."""
        judged = [(record.seq, record.scorecard) for record in newest_first if record.scorecard]
        pooled = pool_scorecards([card for _, card in judged])
        _check(pooled)
        periods = [period for _, card in judged if card.account for period in card.account.periods]
        return cls(
            pooled,
            {period.seq: period.from_ns for period in periods},
            judged[0] if judged else None,
            max((record.drift_seq for record in newest_first), default=0),
        )

    @property
    def e_values(self) -> tuple[float, float] | None:
        """What the bettor has, gross and net; None where there is none yet."""
        account = self.pooled.account
        return (account.bettor.e_gross, account.bettor.e_net) if account else None


NO_RECORD = ProcedureRecord()


def _check(pooled: PooledScorecards) -> None:
    shares = (pooled.precision.value, pooled.recall, pooled.base_rate.value)
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"precision, recall and base rate {shares} are no shares")
    bettor = pooled.account.bettor if pooled.account else None
    if bettor and not (math.isfinite(bettor.e_gross) and math.isfinite(bettor.e_net)):
        raise ValueError("what the bettor has is not finite")


class ProcedureRecords:
    """The newest record of every instrument. Written by one thread, read by every call."""

    def __init__(self) -> None:
        self._records: dict[str, ProcedureRecord] = {}

    def get(self, instrument: str) -> ProcedureRecord:
        """One that knows nothing where none was put."""
        return self._records.get(instrument, NO_RECORD)

    def put(self, instrument: str, record: ProcedureRecord) -> None:
        self._records[instrument] = record


@dataclass(frozen=True, slots=True, eq=False)
class ModelTrust:
    """What is said of a serving model whatever row it scores. `overdue_after_ns`: in market time, None where it cannot
    be told; `lowest`, `highest`: the range that training saw, None where the model does not tell it."""

    model: ServingModel
    record: ProcedureRecord
    flags: tuple[Flag, ...]
    overdue_after_ns: int | None
    overdue: Flag
    lowest: NDArray[np.float32] | None
    highest: NDArray[np.float32] | None

    @classmethod
    def of(cls, serving: ServingModel, record: ProcedureRecord) -> "ModelTrust":
        model = serving.model
        usual_ns = usual_window_ns(model, record.closes)
        reason = f"learnt longer ago than {OVERDUE_WINDOWS} windows usually take ({usual_ns / NS_PER_S:,.0f} s each)"
        low, high = (np.frombuffer(column, dtype="<f4") if column else None for column in (model.lowest, model.highest))
        return cls(
            serving,
            record,
            tuple(_standing_flags(serving, record)),
            serving.learnt_until_ns + OVERDUE_WINDOWS * usual_ns if usual_ns > 0 else None,
            Flag(FlagKind.MODEL_OVERDUE, f"the model {reason}"),
            low,
            high,
        )

    @property
    def learnt_until_ns(self) -> int:
        return self.model.learnt_until_ns


def usual_window_ns(model: Model, closes: Mapping[int, int]) -> int:
    """What a window usually takes in market time: the median of the steps from one close to the next that are known,
    else the length of the model's own; 0 or less where that says nothing."""
    known = sorted({**closes, model.seq: model.last_resolved_ns}.items())
    steps = [(later - earlier) // (b - a) for (a, earlier), (b, later) in pairwise(known) if later > earlier]
    return int(median(steps)) if steps else model.last_resolved_ns - model.first_placed_ns


def _standing_flags(serving: ServingModel, record: ProcedureRecord) -> Iterable[Flag]:
    if record.drift_seq >= serving.seq:
        yield Flag(FlagKind.DRIFT, f"the models have turned bad on the rows of window {record.drift_seq}")
    known = record.e_values
    evidence = record.pooled.evidence if known else serving.evidence
    if evidence is Evidence.NONE:
        e = f"e = {wealth_text(known[0])}, net {wealth_text(known[1])}" if known else "nothing is judged yet"
        yield Flag(FlagKind.NO_EVIDENCE, f"nothing shows that the procedure beats always saying yes: {e}")


class TrustCache:
    """What is said of each model, made anew when the model or its record is another."""

    def __init__(self, records: ProcedureRecords) -> None:
        self._records = records
        self._made = VersionCache[ModelTrust]()

    def of(self, serving: ServingModel) -> ModelTrust:
        made, record = self._made.get(serving), self._records.get(serving.instrument)
        if made is None or made.model is not serving or made.record is not record:
            made = ModelTrust.of(serving, record)
            self._made.put(serving, made)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """What one answer is worth. `model_age_ns`: market time; `features_age_ns`: wall clock; `novelty`: share of the
    features outside the range that training saw, of many rows the largest. None: not known. `raised`: flags beside the
    model's own."""

    of_model: ModelTrust
    model_age_ns: int | None
    features_age_ns: int | None
    novelty: float | None
    raised: tuple[Flag, ...]

    @property
    def flags(self) -> tuple[Flag, ...]:
        return (*self.raised, *self.of_model.flags)


def assess(
    of_model: ModelTrust,
    policy: TrustPolicy,
    rows: NDArray[np.float32],
    market: MarketView | None,
    features_from: MarketView | None = None,
    now_ns: int = 0,
) -> Trust:
    """What an answer on `rows` is worth. `market`: what is known of the market; `features_from`: the same where the
    rows are cut from it, and `now_ns` the wall clock then, 0 where it is not known."""
    raised: list[Flag] = []
    features_age_ns = model_age_ns = None
    if features_from is not None:
        features_age_ns = features_from.age_ns(now_ns)
        _flag_stale(raised, features_from, features_age_ns, policy)
    if market is not None:
        market_ns = (market.second + 1) * NS_PER_S
        model_age_ns = market_ns - of_model.learnt_until_ns
        if of_model.overdue_after_ns is not None and market_ns > of_model.overdue_after_ns:
            raised.append(of_model.overdue)
    novelty = None
    if of_model.lowest is not None and of_model.highest is not None:
        novelty = _novelty(raised, rows, of_model.lowest, of_model.highest, policy)
    return Trust(of_model, model_age_ns, features_age_ns, novelty, tuple(raised))


def _flag_stale(raised: list[Flag], view: MarketView, age_ns: int | None, policy: TrustPolicy) -> None:
    if age_ns is not None and age_ns > policy.features_stale_after_s * NS_PER_S:
        reason = f"the last market second of {view.instrument} was written {age_ns / NS_PER_S:,.1f} s ago"
        raised.append(Flag(FlagKind.STALE_FEATURES, reason))
    elif view.stale:
        reason = f"the quote of the last market second of {view.instrument} is too old to buy at"
        raised.append(Flag(FlagKind.STALE_FEATURES, reason))


def _novelty(
    raised: list[Flag],
    rows: NDArray[np.float32],
    lowest: NDArray[np.float32],
    highest: NDArray[np.float32],
    policy: TrustPolicy,
) -> float:
    """The share of features out of range; a feature at an end of its range is within."""
    where, features = "", rows.shape[-1]
    if rows.size == features:
        where = " of row 0" if rows.ndim == 2 else ""
        outside = int(np.count_nonzero(rows < lowest)) + int(np.count_nonzero(rows > highest))
    elif (rows.max(axis=0) <= highest).all() and (rows.min(axis=0) >= lowest).all():  # as it is mostly
        outside = 0
    else:
        counts = np.count_nonzero(rows < lowest, axis=1) + np.count_nonzero(rows > highest, axis=1)
        worst = int(counts.argmax())
        outside, where = int(counts[worst]), f" of row {worst}"
    if outside > policy.novel_share_max * features:
        reason = f"{outside} of {features} features{where} lie outside the range that training saw"
        raised.append(Flag(FlagKind.NOVEL_INPUT, reason))
    return float(outside / features)
