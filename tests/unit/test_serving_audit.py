"""What is said of served answers, by hand, with each fault planted."""

from dataclasses import replace

import numpy as np
import pytest

from tests.synthetic_models import INSTRUMENT, make_model, make_row
from tidewheel.contracts.invariants.serving import KEPT_EACH, ServingAudit
from tidewheel.domain.features import Example
from tidewheel.domain.models import Model, Scorer
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.domain.time import NS_PER_S

SECOND = 1_600_000_000
MODEL = make_model(1)


def model_of(instrument: str, seq: int, sha256: str) -> Model | None:
    return MODEL if (instrument, seq, sha256) == (INSTRUMENT, 1, "sha") else None


def served(at: int, **more: object) -> ServedPrediction:
    """The answer at the end of second SECOND + at, as model 1 gives it."""
    row = make_row(at)
    score = Scorer.of(MODEL).score(row)
    one = ServedPrediction(
        *(INSTRUMENT, 1, "PredictNow", row.tobytes(), score, int(score >= 0.5), 0.5, 1, 1, "sha", ()),
        *(SECOND + at, 100, 101),
    )
    return replace(one, **more)  # type: ignore[arg-type]


def orders(at: int, bid: int = 100) -> SecondOrders:
    """Of the second after: one at another quote, then two at the quote of the answer."""
    second = SECOND + at + 1
    column = lambda *values: np.array(values, dtype=np.int64)  # noqa: E731
    return SecondOrders(
        *(INSTRUMENT, 1, second, column(*(second * 1000 + i for i in range(3))), column(1, 2, 3)),
        *(column(90, bid, bid), column(91, 101, 101), column(200, 200, 200), column(1, 1, 1)),
    )


def example(at: int, label: int) -> Example:
    order_id = (SECOND + at + 1) * 1000 + 1
    return Example(INSTRUMENT, at, order_id, (SECOND + at + 1) * NS_PER_S, 0, label, make_row(at).tobytes(), 0)


def audited(predictions: list[ServedPrediction], labels: dict[int, int]) -> ServingAudit:
    audit = ServingAudit(model_of)
    for at, one in enumerate(predictions):
        audit.on_prediction(one, f"place {at}")
    for at in labels:
        audit.on_orders(orders(at))
        audit.on_orders(orders(at))  # repeats join nothing twice
    for at, label in labels.items():
        audit.on_example(example(at, label))
    return audit


def test_all_is_well_and_the_precision_is_the_callers() -> None:
    predictions = [served(at) for at in range(40)]
    labels = {at: at % 3 == 0 for at in range(30)}
    audit = audited(predictions, {at: int(label) for at, label in labels.items()})
    found = audit.as_dict()
    assert not audit.broken
    assert (found["answers"], found["features"]["parity"]) == ({"equal": 40, "different": 0, "model_not_kept": 0}, 1.0)
    assert (found["features"]["no_order"], found["features"]["no_label"]) == (10, 0)
    flagged = [at for at in labels if predictions[at].label]
    hits = [at for at in flagged if labels[at]]
    assert found["served"]["precision"] == len(hits) / len(flagged)
    assert found["served"]["base_rate"] == 10 / 30
    assert found["served"]["recall"] == len(hits) / 10
    assert any("parity 100.00%" in line for line in audit.lines())


def test_one_instant_may_have_many_answers() -> None:
    audit = audited([served(0), served(0)], {0: 1})
    assert (audit.served.rows, audit.parity) == (2, 1.0)


def test_a_feature_that_differs_is_named() -> None:
    row = make_row(0)
    row[7] = np.nextafter(row[7], np.float32(9))
    audit = audited([served(0, features=row.tobytes(), score=Scorer.of(MODEL).score(row))], {0: 1})
    assert audit.broken
    assert audit.parity == 0.0
    (words,) = audit.differences
    assert words.startswith("place 0: 1 features differ from order 1600000001001's, the first is mid_3s: ")


def test_signs_of_zero_are_bits_too() -> None:
    row = make_row(0)
    row[9] = 0.0
    other = row.copy()
    other[9] = -0.0
    audit = ServingAudit(model_of)
    audit.on_prediction(served(0, features=row.tobytes()), "here")
    audit.on_orders(orders(0))
    audit.on_example(replace(example(0, 1), features=other.tobytes()))
    assert audit.found["features_different"] == 1


@pytest.mark.parametrize("fault", [{"score": 0.123}, {"label": 7}, {"threshold": 0.25}])
def test_an_answer_that_is_not_the_models_is_named(fault: dict[str, float]) -> None:
    audit = audited([served(0, **fault)], {})
    assert audit.broken
    assert audit.differences[0].startswith("place 0: score, label and threshold (")


def test_a_model_that_is_not_kept_says_nothing() -> None:
    audit = audited([served(0, score=0.1, model_sha256="other"), served(1, score=0.1, model_seq=2)], {})
    assert not audit.broken
    assert audit.found["model_not_kept"] == 2


def test_what_has_no_instant_no_order_or_no_label_is_told_apart() -> None:
    audit = ServingAudit(model_of)
    audit.on_prediction(served(0, second=0), "given")
    audit.on_prediction(served(1), "no order at that quote")
    audit.on_prediction(served(2), "open")
    audit.on_orders(orders(1, bid=99))
    audit.on_orders(orders(2))
    features = audit.as_dict()["features"]
    assert (features["no_instant"], features["no_order"], features["no_label"]) == (1, 1, 1)
    assert features["parity"] is None


def test_the_candidate_is_judged_on_the_same_rows() -> None:
    asked = [served(at, candidate_seq=2, candidate_score=0.75, candidate_label=1) for at in range(4)]
    audit = audited([*asked, served(4)], {at: int(at < 2) for at in range(5)})
    assert (audit.candidate.rows, audit.candidate.flagged, audit.candidate.hits) == (4, 4, 2)
    assert audit.by_served_model.rows == 4
    assert audit.as_dict()["candidate"]["precision"] == 0.5
    assert any(line.startswith("candidate: precision 0.500") for line in audit.lines())


def test_differences_that_are_told_are_bounded() -> None:
    audit = audited([served(at, label=7) for at in range(KEPT_EACH + 5)], {})
    assert (len(audit.differences), audit.found["answers_different"]) == (KEPT_EACH, KEPT_EACH + 5)
