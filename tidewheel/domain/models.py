"""A model as a value: what it weighs, how it scores, and the figures that came with it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.account import Account
from tidewheel.domain.betting import STRONG_AT, WEAK_AT

Float64 = NDArray[np.float64]
FORMAT_VERSION = 1
# Rows scored at a time, so that their float64 stay in the cache.
BLOCK_ROWS = 128
PLOTTED_FIELDS = frozenset({"curve", "calibration"})


class Evidence(StrEnum):
    """How much speaks for the procedure that made a model being better than always saying yes."""

    NONE = "none"
    WEAK = "weak"
    STRONG = "strong"

    @classmethod
    def of_wealth(cls, wealth: float, looks: int = 1) -> "Evidence":
        """What a bettor's wealth says: who looks at several bettors asks for so many times as much."""
        if wealth >= STRONG_AT * looks:
            return cls.STRONG
        return cls.WEAK if wealth >= WEAK_AT * looks else cls.NONE


class Verdict(StrEnum):
    """How a training run ended."""

    PUBLISHED = "published"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts at one threshold; a row is flagged when score >= threshold."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What flagging every row with score >= threshold reaches."""

    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows whose score lies in one of ten equal parts of 0..1."""

    rows: int
    positives: int
    score_sum: float


@dataclass(frozen=True, slots=True)
class PartMetrics:
    """Figures on one part of a window, precision and recall at the model's threshold; see models.proto."""

    rows: int
    positives: int
    precision: float
    recall: float
    log_loss: float
    auc: float
    base_rate: float
    effective_rows: float
    at_half: Confusion
    at_threshold: Confusion
    at_three_quarters: Confusion
    curve: tuple[CurvePoint, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()

    def named(self) -> dict[str, Any]:
        """The figures by name; what is only of use drawn, curve and calibration, is left out."""
        return {name: value for name, value in asdict(self).items() if name not in PLOTTED_FIELDS}


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """One point of the search space. `epochs`: passes over the training rows, 0 where it was not told."""

    use_bias: bool
    l1: float
    learning_rate: float
    positive_example_weight_mult: float
    wd: float
    mini_batch_size: int
    epochs: int = 0


@dataclass(frozen=True, slots=True)
class RememberedWindow:
    """A window before a model's own whose rows it was shown too. `weight`: what each of them is worth beside one of its
    own; 0 where the market has turned since."""

    seq: int
    first_example_seq: int
    last_example_seq: int
    weight: float


@dataclass(frozen=True, slots=True)
class Lineage:
    """Enough, with the log, to make the same model bytes again. `memory`: oldest first."""

    topic: str
    partition: int
    first_example_seq: int
    last_example_seq: int
    training_config: str
    started_from: str
    memory: tuple[RememberedWindow, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained linear model, immutable. Arrays have one float64 a feature. `lowest`, `highest`: the range of each
    feature that training saw, little-endian float32 as bytes; empty in models of older programs."""

    instrument: str
    seq: int
    schema_hash: bytes
    coefficients: Float64
    mean: Float64
    std: Float64
    intercept: float
    threshold: float
    hyperparameters: Hyperparameters
    training: PartMetrics
    validation: PartMetrics
    test: PartMetrics
    base_rate: float
    effective_rows: float
    first_placed_ns: int
    last_resolved_ns: int
    lineage: Lineage
    golden_features: bytes
    golden_score: float
    format_version: int = FORMAT_VERSION
    lowest: bytes = b""
    highest: bytes = b""


@dataclass(frozen=True, slots=True)
class Baseline:
    """An online baseline on rows of a scorecard (possibly a sample), each scored before it was learnt from."""

    rows: int
    positives: int
    flagged: int
    hits: int


@dataclass(frozen=True, slots=True)
class Champion:
    """The model that served, on the very rows of another model's scorecard."""

    seq: int
    flagged: int
    hits: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A model at its own threshold on the rows of its next window: docs/semantics.md, "Scorecards". `account`: of the
    bettor on the procedure once these rows are known."""

    rows: int
    positives: int
    flagged: int
    hits: int
    precision: float
    recall: float
    base_rate: float
    log_loss: float
    effective_rows: float
    flagged_pnl_e9: int
    pnl_e9: int
    calibration: tuple[CalibrationBin, ...] = ()
    baseline: Baseline | None = None
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What is known of a run's model beside its bytes: how the run ended, and how the model did later.

    `sha256` is empty where no model was made. `published_at_ns` is wall clock, informative. `scorecard` is None while
    the next window is open; `champion` then too, and where nothing served, or this very model. `hmac_sha256` is of the
    model bytes, `record_hmac_sha256` of the rest of the record; both empty where no key is configured. Offsets are of
    the window's first and last row, and of the first row that it remembers; they count transaction markers, so they are
    no part of the model. `drift_seq`: the newest window whose rows, judged by this model, showed that the models had
    turned bad; 0 for none. `breaks`: how often ten minutes or more lie between two orders of the window's rows that
    follow one another, as where a session ended; 0, too, where no model was made.
    """

    instrument: str
    seq: int
    sha256: str
    verdict: Verdict
    reason: str
    evidence: Evidence
    published_at_ns: int
    scorecard: Scorecard | None = None
    hmac_sha256: bytes = b""
    first_offset: int = 0
    last_offset: int = 0
    champion: Champion | None = None
    replay_offset: int = 0
    record_hmac_sha256: bytes = b""
    drift_seq: int = 0
    breaks: int = 0


@dataclass(frozen=True, slots=True)
class ModelPointer:
    """Which model serves (or shadows). `epoch` counts from 1 and grows by one with each move by hand,
    a rollback or a promotion.

    `newest_seq`: the highest window this pointer ever named; it outlives rollbacks and is the fence.
    `published_at_ns`: when the model was published; `pointed_at_ns`: when the pointer moved to it; `born_ns`: when
    there was none to go on from, 0 in pointers of older programs. All wall clock.
    `hmac_sha256`: of all but `pointed_at_ns`, empty where no key is configured.
    """

    instrument: str
    seq: int
    epoch: int
    sha256: str
    schema_hash_hex: str
    evidence: Evidence
    published_at_ns: int
    newest_seq: int
    pointed_at_ns: int
    born_ns: int = 0
    hmac_sha256: bytes = b""

    @property
    def order(self) -> tuple[int, int, int]:
        """It falls in no registry that is whole: epochs rise by hand, windows within an epoch, and a pointer made of
        nothing is born later than the one that was lost."""
        return self.born_ns, self.epoch, self.seq


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """The scoring half of a model, folded to one multiplication a feature."""

    weights: Float64
    offset: float
    threshold: float

    @classmethod
    def of(cls, model: Model) -> "Scorer":
        weights = model.coefficients / model.std
        return cls(weights, float(model.intercept - weights @ model.mean), model.threshold)

    def decision_function(self, rows: NDArray[np.float32]) -> Float64:
        """The z of rows with shape (n, features), of which a score is the sigmoid. A row's bits do not depend on the
        rows beside it.

        einsum sums each row by itself; a matrix product would group rows by the processor's taste. Few rows at a time,
        so that their float64 copies stay in the cache and a large batch takes no memory for them.
        """
        if len(rows) <= BLOCK_ROWS:
            z: Float64 = np.einsum("ij,j->i", rows.astype(np.float64), self.weights)
            return z + self.offset
        z, block = np.empty(len(rows)), np.empty((BLOCK_ROWS, rows.shape[1]))
        for start in range(0, len(rows), BLOCK_ROWS):
            some = rows[start : start + BLOCK_ROWS]
            block[: len(some)] = some
            np.einsum("ij,j->i", block[: len(some)], self.weights, out=z[start : start + BLOCK_ROWS])
        return z + self.offset

    def scores(self, rows: NDArray[np.float32]) -> Float64:
        """Scores in 0..1 of rows with shape (n, features)."""
        return sigmoid(self.decision_function(rows))

    def score(self, row: NDArray[np.float32]) -> float:
        """Score of one row with shape (features,): the same bits as among others."""
        # In two halves: numpy gives the interpreter's lock away for more than 500 numbers, and in a server with many
        # threads to get it back costs more than the sum.
        wide, half = np.empty(len(row)), len(row) // 2
        wide[:half], wide[half:] = row[:half], row[half:]
        z = float(np.einsum("j,j->", wide, self.weights)) + self.offset
        small = float(np.exp(-abs(z)))
        return (1.0 if z >= 0 else small) / (1.0 + small)


def sigmoid(z: Float64) -> Float64:
    """1 / (1 + exp(-z)) without overflow."""
    small = np.exp(-np.abs(z))
    result: Float64 = np.where(z >= 0, 1.0, small) / (1.0 + small)
    return result
