"""One window with those before it to one model: what is remembered is part of it, and named in its lineage."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from services.trainer.core import SearchStart
from services.trainer.dataset import basis
from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import effective_sample_size
from services.trainer.modelling.assembly import Candidate
from services.trainer.modelling.refit import refit
from services.trainer.modelling.training_data import trainable_folds, training_data_of
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from services.trainer.windows.memory import weights
from tests import synthetic_rows
from tests.unit.trainer.made_runs import CONFIG, SIZE, made
from tidewheel.contracts.codecs.models import decode_model
from tidewheel.domain.models import RememberedWindow, Scorer
from tidewheel.domain.training import RunEvent, Step

MEMORY = 2


@cache
def windows() -> tuple[Window, ...]:
    """Windows of one market, each without memory."""
    market = synthetic_rows.market(5, (MEMORY + 1) * SIZE // synthetic_rows.PER_SECOND + 200, 0.4)
    return tuple(market.window(seq, SIZE) for seq in range(1, MEMORY + 2))


@cache
def remembering() -> Window:
    """The last of them, with those before it."""
    *before, last = windows()
    return replace(last, memory=tuple(one.remembered() for one in before))


@cache
def remembered() -> tuple[Candidate, list[RunEvent]]:
    return made(remembering())


@cache
def alone() -> tuple[Candidate, list[RunEvent]]:
    return made(windows()[-1])


def test_a_window_with_memory_gives_other_bytes_than_without() -> None:
    assert remembered()[0].model_bytes != alone()[0].model_bytes
    model = remembered()[0].model
    assert model.coefficients.tobytes() != alone()[0].model.coefficients.tobytes()


def test_the_same_memory_gives_the_same_bytes_again() -> None:
    copied = tuple(
        replace(one, sample=Sample(*(column.copy() for column in one.sample.columns()))) for one in remembering().memory
    )
    assert made(replace(remembering(), memory=copied))[0].model_bytes == remembered()[0].model_bytes


def test_where_remembered_rows_lie_on_the_topic_is_no_part_of_the_bytes() -> None:
    moved = tuple(replace(one, first_offset=one.first_offset + 7) for one in remembering().memory)
    assert made(replace(remembering(), memory=moved))[0].model_bytes == remembered()[0].model_bytes


def test_the_lineage_names_the_windows_with_their_weights() -> None:
    model = decode_model(remembered()[0].model_bytes)
    worth = weights([*(one.sample for one in remembering().memory), Sample.of(windows()[-1].rows)])
    assert model.lineage.memory == tuple(
        RememberedWindow(one.seq, one.first_example_seq, one.last_example_seq, weight)
        for one, weight in zip(remembering().memory, worth.tolist(), strict=False)
    )
    assert [(one.seq, one.first_example_seq, one.last_example_seq) for one in model.lineage.memory] == [
        (seq, (seq - 1) * SIZE + 1, seq * SIZE) for seq in range(1, MEMORY + 1)
    ]
    assert all(0.5 < one.weight < 1 for one in model.lineage.memory)
    holdout_model = remembered()[0].holdout_model
    assert holdout_model is not None
    assert holdout_model.lineage == model.lineage
    assert alone()[0].model.lineage.memory == ()


def test_the_lineage_and_the_windows_are_enough_to_make_the_same_bytes() -> None:
    lineage = decode_model(remembered()[0].model_bytes).lineage
    config = TrainingConfig.from_dict(json.loads(lineage.training_config))
    again, _ = made(remembering(), config, SearchStart.from_lineage(lineage.started_from))
    assert again.model_bytes == remembered()[0].model_bytes


def test_a_window_before_a_turn_is_named_with_a_weight_of_0_and_none_of_its_rows_is_used() -> None:
    turned = [replace(one, rows=replace(one.rows, label=1 - one.rows.label)) for one in windows()[:1]]
    memory = (turned[0].remembered(), windows()[1].remembered())
    with_turned = made(replace(windows()[-1], memory=memory))[0].model
    without = made(replace(windows()[-1], memory=memory[1:]))[0].model
    first, second = with_turned.lineage.memory
    assert (first.seq, first.weight) == (1, 0.0)
    assert second.weight > 0.5
    assert with_turned.training.rows == without.training.rows == 2 * SIZE


def test_the_model_is_of_all_that_is_remembered_and_its_holdout_model_of_what_was_known_before_the_test_part() -> None:
    candidate, parts = remembered()[0], training_data_of(remembering())
    assert candidate.holdout_model is not None
    for model, part in ((candidate.model, parts.whole), (candidate.holdout_model, parts.development)):
        assert (model.training.rows, model.training.positives) == (len(part), int(part.label.sum()))
        assert model.training.effective_rows == pytest.approx(effective_sample_size(part))
        np.testing.assert_allclose(
            model.mean, basis.of_features(part.features.mean(axis=0, dtype=np.float64)), rtol=1e-9, atol=1e-9
        )
    assert candidate.model.training.rows == (MEMORY + 1) * SIZE
    # What is told of the window and of its test part is of its own rows only.
    own = windows()[-1].rows
    assert candidate.model.effective_rows == pytest.approx(effective_sample_size(own))
    assert (candidate.model.first_placed_ns, candidate.model.test.rows) == (own.placed_ns.min(), 300)


def test_how_much_of_what_is_remembered_counts_is_said() -> None:
    validated, split = remembered()[1][:2]
    worth = sum(one.weight for one in remembered()[0].model.lineage.memory)
    parts = training_data_of(remembering())
    assert validated.step is Step.VALIDATED
    assert (
        f"with {worth:.1f} of 2 windows before it worth {effective_sample_size(parts.whole):.0f} inde"
        in validated.detail
    )
    assert "windows before" not in alone()[1][0].detail
    assert split.split is not None
    assert split.split.training == split.split.validation == len(parts.development) > 2 * SIZE


def test_a_market_is_known_better_by_three_windows_than_by_one() -> None:
    market = synthetic_rows.market(5, 6 * SIZE // synthetic_rows.PER_SECOND, 0.4)
    first = (MEMORY + 1) * SIZE
    later = market.part(first, len(market))
    likeness = [
        np.corrcoef(Scorer.of(model).scores(later.features), market.planted[first : first + len(later)])[0, 1]
        for model in (remembered()[0].model, alone()[0].model)
    ]
    assert likeness[0] > likeness[1]


@pytest.mark.parametrize("label", [0, 1])
def test_a_window_of_one_class_is_made_up_for_by_the_other_class_in_memory(label: int) -> None:
    """All of a window LOSS, all that it remembers PROFIT, or the other way round: there is a model of both."""
    rows = windows()[1].rows
    own = replace(windows()[1], rows=replace(rows, label=np.full_like(rows.label, label)))
    before = windows()[0].rows
    other = replace(windows()[0], rows=replace(before, label=np.full_like(before.label, 1 - label)))
    candidate, _ = made(replace(own, memory=(other.remembered(),)))
    (remembered,) = candidate.model.lineage.memory
    assert remembered.weight > 0
    assert (candidate.model.training.rows, candidate.model.training.positives) == (2 * SIZE, SIZE)
    assert np.isfinite(candidate.model.coefficients).all()
    assert candidate.model.base_rate == float(label)


def test_the_models_scorer_gives_on_raw_rows_what_the_learner_gives_on_inputs() -> None:
    candidate, parts = remembered()[0], training_data_of(remembering())
    config, setting = CONFIG, candidate.model.hyperparameters
    cut = trainable_folds(parts.whole, config.folds)
    seed = config.seed_of(remembering().instrument, remembering().seq, "rows")
    finished = refit(parts.whole, cut, setting, config, seed)
    assert finished is not None
    rows = windows()[-1].rows
    raw = Scorer.of(decode_model(candidate.model_bytes)).scores(rows.features)
    np.testing.assert_allclose(raw, finished.scores(Sample.of(rows)), rtol=0, atol=1e-6)
    assert np.ptp(raw) > 0.1


def test_the_holdout_model_knows_nothing_of_the_test_part_not_even_by_what_windows_are_worth() -> None:
    """The labels there tell whether the market has turned; the model that goes out may know that, its holdout model may
    not."""
    window = remembering()
    order = np.lexsort((window.rows.order_id, window.rows.placed_ns))
    label = window.rows.label.copy()
    label[order[-len(order) * 15 // 100 :]] ^= 1
    changed = replace(window, rows=replace(window.rows, label=label))
    (one, _), (other, _) = remembered(), made(changed)
    assert one.holdout_model
    assert other.holdout_model
    for name in ("coefficients", "mean", "std"):
        np.testing.assert_array_equal(getattr(one.holdout_model, name), getattr(other.holdout_model, name))
    assert (one.holdout_model.intercept, one.holdout_model.threshold) == (
        other.holdout_model.intercept,
        other.holdout_model.threshold,
    )
    assert (one.model.coefficients != other.model.coefficients).any()
