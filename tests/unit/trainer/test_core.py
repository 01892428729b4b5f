"""One window to one model and its holdout model: the same bytes each time, and no leak."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.trainer.core import DEFAULT_START, SearchStart
from services.trainer.dataset import basis
from services.trainer.dataset.rows import Index, Rows
from services.trainer.dataset.split import effective_sample_size, split
from services.trainer.modelling.assembly import Candidate
from services.trainer.search import tuning
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests import synthetic_rows
from tests.unit.trainer.made_runs import CONFIG, SIZE, a_market, a_window, changed, made, plain
from tidewheel.contracts.codecs.models import decode_model
from tidewheel.domain.models import Model, Scorer
from tidewheel.domain.training import Step
from tidewheel.registry.verify import ExpectedModel, verify


def holdout_model_of(candidate: Candidate) -> Model:
    assert candidate.holdout_model is not None
    return candidate.holdout_model


def test_the_golden_row_is_one_that_tells_coefficients_apart() -> None:
    model = decode_model(plain()[0].model_bytes)
    scores = Scorer.of(model).scores(a_window().rows.features)
    assert abs(model.golden_score - 0.5) == np.abs(scores - 0.5).min()


def test_the_model_is_complete_and_verifies() -> None:
    candidate, events = plain()
    model = verify(candidate.model_bytes, ExpectedModel(synthetic_rows.INSTRUMENT, 1, candidate.sha256))
    assert model.validation.recall >= 0.25
    assert model.threshold == model.validation.at_threshold.threshold == model.training.at_threshold.threshold
    assert model.base_rate == model.test.base_rate
    assert model.lineage.topic == "examples"
    assert (model.lineage.first_example_seq, model.lineage.last_example_seq) == (1, SIZE)
    assert json.loads(model.lineage.training_config) == json.loads(CONFIG.canonical_json())
    assert model.lineage.started_from == ""
    assert model.hyperparameters == events[-1].trial.hyperparameters  # type: ignore[union-attr]
    assert model.hyperparameters.epochs == CONFIG.epochs
    rows = a_window().rows
    assert (model.first_placed_ns, model.last_resolved_ns) == (rows.placed_ns.min(), rows.resolved_ns.max())
    assert 1 < model.effective_rows < SIZE / 5


def test_the_range_of_each_feature_is_what_training_saw() -> None:
    model, rows = decode_model(plain()[0].model_bytes), a_window().rows
    lowest, highest = (np.frombuffer(column, dtype="<f4") for column in (model.lowest, model.highest))
    least, most = rows.features.min(axis=0), rows.features.max(axis=0)
    assert ((lowest <= least) & (highest >= most)).all()
    # Averages lie between the values of their bin, and what stands for itself has no other.
    assert lowest[: basis.QUOTED].tolist() == least[: basis.QUOTED].tolist()
    assert highest[: basis.QUOTED].tolist() == most[: basis.QUOTED].tolist()
    for name in range(basis.INPUTS):
        of_bin = name == basis.INPUT_OF
        assert (lowest[of_bin] >= least[of_bin].min()).all()
        assert (highest[of_bin] <= most[of_bin].max()).all()


def test_the_model_is_of_all_rows_and_its_holdout_model_of_those_before_the_test_part() -> None:
    candidate, _ = plain()
    rows = a_window().rows
    cut = split(rows)
    assert candidate.test.order_id.tolist() == rows.order_id[cut.test].tolist()
    for model, part in ((candidate.model, rows), (holdout_model_of(candidate), rows.take(cut.development))):
        assert (model.training.rows, model.training.positives) == (len(part), int(part.label.sum()))
        mean = basis.of_features(basis.inputs(part.features).mean(axis=0, dtype=np.float64))
        np.testing.assert_allclose(model.mean, mean, rtol=1e-9, atol=1e-9)
        assert model.training.effective_rows == pytest.approx(effective_sample_size(part))
        assert (model.validation.rows, model.validation.positives) == (len(part), int(part.label.sum()))
    assert holdout_model_of(candidate).hyperparameters == candidate.model.hyperparameters


def test_stated_test_figures_are_what_the_holdout_model_reaches_there() -> None:
    candidate, _ = plain()
    model, holdout_model, test = decode_model(candidate.model_bytes), holdout_model_of(candidate), candidate.test
    scores = Scorer.of(holdout_model).scores(test.features)
    flags = scores >= holdout_model.threshold
    assert (model.test.rows, model.test.positives) == (len(test), int(test.label.sum()))
    assert model.test.at_threshold.threshold == holdout_model.threshold != model.threshold
    assert model.test.at_threshold.true_positives == int((flags & (test.label == 1)).sum())
    assert model.test.at_threshold.false_positives == int((flags & (test.label == 0)).sum())
    assert model.test.log_loss == pytest.approx(-np.log(np.where(test.label == 1, scores, 1 - scores)).mean())


def numbers(model: Model | None) -> tuple[bytes, ...]:
    """Whatever a model scores and flags by, and is said to have reached where it learnt."""
    assert model is not None
    columns = (column.tobytes() for column in (model.coefficients, model.mean, model.std))
    return (*columns, repr((model.intercept, model.threshold, model.training, model.validation)).encode())


def in_the_test_part(change: Callable[[Rows, Index], None]) -> Window:
    """The window with its test rows changed, all of what is known before the outcome of the split left alone."""

    def of(rows: Rows) -> Rows:
        change(rows, split(rows).test)
        return rows

    return changed(of)


def flip_labels(rows: Rows, which: Index) -> None:
    rows.label[which] = 1 - rows.label[which]


def move_features(rows: Rows, which: Index) -> None:
    rows.features[which] += 2.0


@pytest.mark.parametrize("change", [flip_labels, move_features])
def test_the_holdout_model_never_saw_the_test_part_and_the_model_did(change: Callable[[Rows, Index], None]) -> None:
    before, (after, _) = plain()[0], made(in_the_test_part(change))
    assert numbers(after.holdout_model) == numbers(before.holdout_model)
    assert holdout_model_of(after).hyperparameters == holdout_model_of(before).hyperparameters
    assert after.model.coefficients.tobytes() != before.model.coefficients.tobytes()
    assert after.model.test != before.model.test


def test_rows_purged_from_the_development_part_are_unknown_to_the_holdout_model() -> None:
    rows = a_window().rows
    cut = split(rows)
    purged = np.setdiff1d(np.arange(SIZE), np.concatenate((cut.development, cut.test)))
    assert len(purged) == cut.purged > 0

    def flipped(rows: Rows) -> Rows:
        flip_labels(rows, purged)
        return rows

    after, _ = made(changed(flipped))
    assert numbers(after.holdout_model) == numbers(plain()[0].holdout_model)
    assert after.model.coefficients.tobytes() != plain()[0].model.coefficients.tobytes()


def test_scores_of_rows_held_out_mean_what_they_say() -> None:
    """As often PROFIT as they say: on the whole, below a half and above."""
    for model in (plain()[0].model, holdout_model_of(plain()[0])):
        bins = model.validation.calibration
        for some in (bins, bins[:5], bins[5:]):
            rows, positives = sum(b.rows for b in some), sum(b.positives for b in some)
            assert positives / rows == pytest.approx(sum(b.score_sum for b in some) / rows, abs=0.05)
        assert sum(b.positives for b in bins[5:]) > 2 * sum(b.positives for b in bins[:5])


def test_steps_go_out_in_order() -> None:
    _, events = plain()
    steps = [event.step for event in events]
    assert steps == [Step.VALIDATED, Step.SPLIT, *[Step.TRIAL] * 4, Step.SELECTED]
    assert {(event.instrument, event.seq, event.trials_planned) for event in events} == {
        (synthetic_rows.INSTRUMENT, 1, 4)
    }
    sizes, cut = events[1].split, split(a_window().rows)
    assert sizes is not None
    assert (sizes.training, sizes.validation) == (len(cut.development), len(cut.development))
    assert sizes.training + sizes.test + sizes.purged == SIZE
    assert sizes.folds == 3
    trials = [event.trial for event in events if event.step is Step.TRIAL]
    assert [trial.number for trial in trials if trial] == [1, 2, 3, 4]
    selected = events[-1].trial
    assert selected is not None
    assert selected.number in range(1, 5)


def test_the_same_window_gives_the_same_bytes() -> None:
    assert made(a_window())[0].model_bytes == plain()[0].model_bytes


def test_the_bytes_depend_on_the_configuration_and_the_window() -> None:
    sha256 = plain()[0].sha256
    assert made(a_window(), replace(CONFIG, seed=2))[0].sha256 != sha256
    assert made(replace(a_window(), seq=2))[0].sha256 != sha256
    assert made(replace(a_window(), instrument="sim:OTHER"))[0].sha256 != sha256


WARM = replace(tuning.DEFAULT_SETTING, learning_rate=3e-4, use_bias=False, mini_batch_size=150, epochs=4)


@pytest.mark.parametrize(
    ("search_start", "trials"),
    [
        (DEFAULT_START, 4),
        (SearchStart(WARM), 4),
        (SearchStart(None, lambda: True), 2),
        (SearchStart(WARM, lambda: True), 2),
    ],
    ids=["usual", "warm", "out of time", "warm and out of time"],
)
def test_the_lineage_is_enough_to_make_the_same_bytes(search_start: SearchStart, trials: int) -> None:
    """The time limit is no part of it: how many trials were made in time is."""
    candidate, events = made(a_window(), CONFIG, search_start)
    lineage = decode_model(candidate.model_bytes).lineage
    config = TrainingConfig.from_dict(json.loads(lineage.training_config))
    assert config == CONFIG.with_trials(trials)
    assert sum(event.step is Step.TRIAL for event in events) == trials
    assert SearchStart.from_lineage(lineage.started_from).setting == search_start.setting
    again, _ = made(a_window(), config, SearchStart.from_lineage(lineage.started_from))
    assert again.model_bytes == candidate.model_bytes


def test_a_warm_start_is_what_the_search_defends() -> None:
    _, events = made(a_window(), replace(CONFIG, neighbours=1), SearchStart(WARM))
    trial = events[2].trial
    assert trial is not None
    assert trial.hyperparameters == replace(WARM, epochs=CONFIG.epochs)


@pytest.mark.parametrize("text", ["[1]", "{}", '{"l1":1}', "nothing"])
def test_a_beginning_of_another_program_is_told(text: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        SearchStart.from_lineage(text)


FRESH_PROCESS = """
import services.trainer.__main__
from tests import synthetic_rows
from services.trainer.search.config import TrainingConfig
from services.trainer.core import train_candidate
market = synthetic_rows.market(5, 900, 0.4)
config = TrainingConfig(window=2000, step=2000, trials=4, neighbours=4)
print(train_candidate(market.window(1, 2000), config, lambda event: None).sha256)
"""


def test_fresh_processes_give_the_same_bytes() -> None:
    root = Path(__file__).parents[3]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FRESH_PROCESS],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "1")
    ]
    checksums = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert checksums == {plain()[0].sha256}


def test_some_constant_columns_do_no_harm() -> None:
    def with_constants(rows: Rows) -> Rows:
        rows.features[:, 50:400] = 0.1
        return rows

    model = decode_model(made(changed(with_constants))[0].model_bytes)
    moves = np.isin(basis.INPUT_OF, basis.INPUT_OF[np.r_[:50, 400:605]])
    assert 200 < (~moves).sum() <= 350
    assert (model.std[~moves] == 1.0).all()
    assert (model.coefficients[~moves] == 0.0).all()
    assert (model.coefficients[moves][2:] != 0.0).all()  # bid and offer stand still in any case


def test_an_edge_is_learnt() -> None:
    market, model = a_market(), plain()[0].model
    later = market.part(SIZE, min(len(market), 2 * SIZE))
    planted = market.planted[SIZE : SIZE + len(later)]
    assert np.corrcoef(Scorer.of(model).scores(later.features), planted)[0, 1] > 0.5


def test_shuffled_labels_give_chance() -> None:
    """Where labels carry nothing, whatever is found on the test part is a leak."""
    found = []
    for seed in range(24):
        chance = np.random.default_rng(seed)
        window = changed(lambda rows, chance=chance: replace(rows, label=chance.permutation(rows.label)))
        found.append(made(window)[0].model.test.auc)
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)


def test_a_planted_leak_is_visible() -> None:
    """Features from the future show at once: the figures of every part become too good to be true.

    A third of them, so that the setting the search begins with learns from them: on so few rows even a perfect one is
    not shown better than it for sure.
    """

    def leaking(rows: Rows) -> Rows:
        rows.features[:, 100:300] = rows.label[:, np.newaxis] + np.random.default_rng(1).normal(
            0, 0.05, (len(rows), 200)
        )
        return rows

    honest, leaked = plain()[0].model, made(changed(leaking))[0].model
    assert leaked.test.auc > 0.99 > honest.test.auc
    by_recall = [
        [point.precision for point in model.test.curve if 0.25 <= point.recall < 0.9] for model in (leaked, honest)
    ]
    assert min(by_recall[0]) > 0.99 > max(by_recall[1])
    assert leaked.validation.precision > 0.99
    most = np.abs(np.bincount(basis.INPUT_OF, leaked.coefficients)).argmax()
    assert set(np.flatnonzero(most == basis.INPUT_OF)) <= set(range(100, 300))


def test_profit_is_no_feature() -> None:
    window = changed(lambda rows: replace(rows, pnl_e9=rows.pnl_e9 * 0 + 12345))
    assert made(window)[0].model_bytes == plain()[0].model_bytes
