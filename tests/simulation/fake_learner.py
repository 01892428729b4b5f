"""A stand-in for the learner: a model in no time that depends on every row of its window, and on what that remembers.
What is simulated is which windows are made, of which rows, in which order; how well they are learned, and what proves
that, is tested elsewhere.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np

from services.trainer.core import EventSink, SearchStart
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.assembly import Candidate
from services.trainer.modelling.no_model import NoModelError
from services.trainer.promotion.proof import JudgedModel, Proof
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests.synthetic_models import make_model, with_golden_score
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.models import Lineage, Model
from tidewheel.domain.training import RunEvent, RunReason, Step

ONE_OF_SO_MANY_FAILS = 13
PROVEN_BY = 1
WEIGHED = 5  # the first of the two features that a model looks at
BASE = make_model(1)
ZEROS, ONES = np.zeros_like(BASE.mean), np.ones_like(BASE.std)


def digest(
    window: int, features: list[bytes], labels: list[int], orders: list[int], remembered: list[tuple[int, list[int]]]
) -> bytes:
    """Of all that a window's rows are, and of the orders of each window that it remembers."""
    return sha256(repr((window, labels, orders, remembered)).encode() + b"".join(features)).digest()


def fails(fingerprint: bytes) -> bool:
    """Whether the stand-in breaks on the rows of a seal."""
    return fingerprint[0] % ONE_OF_SO_MANY_FAILS == 0


def mark(fingerprint: bytes) -> float:
    """The weight by which a model is told from those of other rows."""
    return int.from_bytes(fingerprint[2:8], "little") / 2**80


def sign(fingerprint: bytes) -> int:
    """The weight that decides."""
    return 1 if fingerprint[1] % 2 else -1


def flags(fingerprint: bytes, features: bytes) -> bool:
    """Whether the model of a seal flags a row."""
    decisive, marking = struct.unpack_from("<2f", features, 4 * WEIGHED)
    return bool(sign(fingerprint) * decisive + mark(fingerprint) * marking >= 0)


def train_candidate(window: Window, config: TrainingConfig, emit: EventSink, _: SearchStart) -> Candidate:
    """As `services.trainer.core.train_candidate`. Raises NoModelError for rows of one class, and now and then something
    unforeseen."""
    rows = window.rows
    for step in (Step.VALIDATED, Step.SPLIT, Step.SELECTED):
        emit(RunEvent(window.instrument, window.seq, step, at_ns=0))
    if rows.label.min() == rows.label.max():
        raise NoModelError(RunReason.ONE_CLASS, "one class only")
    remembered = [(one.seq, one.sample.order_id.tolist()) for one in window.memory]
    features, labels, orders = [row.tobytes() for row in rows.features], rows.label.tolist(), rows.order_id.tolist()
    fingerprint = digest(window.seq, features, labels, orders, remembered)
    if fails(fingerprint):
        raise ArithmeticError("the stand-in fails on this window")
    model = _model(window, rows, config, fingerprint)
    return Candidate(model, encode_model(model), model, rows.take(slice(len(rows) // 2, None)))


def assess(newest_first: Sequence[JudgedModel], serving: int | None) -> Proof:
    """As `promotion.proof.assess` of the trainer; a run has too few windows for a real proof, so one model is
    enough."""
    beside = sum((other.seq if other else None) == serving for _, other in newest_first)
    return Proof(beside >= PROVEN_BY, "")


def _model(window: Window, rows: Rows, config: TrainingConfig, fingerprint: bytes) -> Model:
    coefficients = ZEROS.copy()
    coefficients[WEIGHED : WEIGHED + 2] = sign(fingerprint), mark(fingerprint)
    lineage = Lineage(
        *(
            "examples",
            window.partition,
            int(rows.example_seq[0]),
            int(rows.example_seq[-1]),
            config.canonical_json(),
            "",
        )
    )
    made = replace(
        BASE,
        instrument=window.instrument,
        seq=window.seq,
        coefficients=coefficients,
        mean=ZEROS,
        std=ONES,
        intercept=0.0,
        threshold=0.5,
        lineage=lineage,
        first_placed_ns=int(rows.placed_ns.min()),
        last_resolved_ns=int(rows.resolved_ns.max()),
        golden_features=rows.features[0].astype("<f4").tobytes(),
    )
    return with_golden_score(made)
