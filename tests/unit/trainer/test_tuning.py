"""The search: its ranges, its choice, and that it is the same search each time."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer import learner, tuning
from services.trainer.config import TrainingConfig
from services.trainer.reasons import NoModel, RunReason
from services.trainer.tuning import FIRST, Calibration
from tidewheel.domain.models import Hyperparameters
from tidewheel.domain.training import Trial

CONFIG = TrainingConfig(trials=5, neighbours=4, epochs=5)


def problem(seed: int = 1, signal: float = 1.0, halves: bool = True) -> tuple[learner.Prepared, Calibration]:
    chance = np.random.default_rng(seed)
    x = chance.standard_normal((900, 12)).astype(np.float32)
    y = (chance.random(900) < 1 / (1 + np.exp(-signal * x[:, 2].astype(np.float64)))).astype(np.uint8)
    prepared = learner.prepare(x[:600], y[:600], 1)
    pair = (np.arange(150), np.arange(150, 300)) if halves else None
    return prepared, Calibration(prepared.scaling.apply(x[600:]), y[600:], pair)


def search(
    prepared: learner.Prepared, calibration: Calibration, config: TrainingConfig = CONFIG, seed: int = 3
) -> tuple[tuning.Selected, list[Trial]]:
    trials: list[Trial] = []
    return tuning.search(prepared, calibration, config, seed, trials.append), trials


def test_the_same_seed_is_the_same_search() -> None:
    (one, trials), (other, again) = search(*problem()), search(*problem())
    assert trials == again
    assert one.tried.weights.tobytes() == other.tried.weights.tobytes()
    assert search(*problem(), seed=4)[1][1:] != trials[1:]


def test_every_trial_is_told_as_it_ends() -> None:
    selected, trials = search(*problem())
    assert [(trial.number, trial.of) for trial in trials] == [(k, 5) for k in range(1, 6)]
    best = max(trials, key=lambda trial: trial.objective)
    assert selected.tried.objective == best.objective
    assert selected.tried.as_trial(selected.number, 5) == trials[selected.number - 1]


def test_an_odd_number_of_trials_is_no_fewer() -> None:
    assert len(search(*problem(), replace(CONFIG, trials=1))[1]) == 1
    assert len(search(*problem(), replace(CONFIG, trials=3))[1]) == 3


def test_a_neighbourhood_lies_within_the_ranges_around_its_proposal() -> None:
    corner = Hyperparameters(False, 1e-7, 1.0, 1e4, 1.0, 100)
    for proposal in (FIRST, corner):
        settings = tuning.neighbourhood(proposal, 16)
        assert settings[0] == proposal
        assert len(set(settings)) == 16
        for setting in settings:
            assert (setting.use_bias, setting.mini_batch_size) == (proposal.use_bias, proposal.mini_batch_size)
            assert tuning.L1[0] <= setting.l1 <= tuning.L1[1]
            assert tuning.WD[0] <= setting.wd <= tuning.WD[1]
            assert tuning.LEARNING_RATE[0] <= setting.learning_rate <= tuning.LEARNING_RATE[1]
            assert tuning.POSITIVE_WEIGHT[0] <= setting.positive_example_weight_mult <= tuning.POSITIVE_WEIGHT[1]
    rates = sorted(setting.learning_rate for setting in tuning.neighbourhood(FIRST, 16))
    assert rates[0] < FIRST.learning_rate / 4
    assert rates[-1] > FIRST.learning_rate * 4


def test_proposals_lie_within_the_ranges() -> None:
    _, trials = search(*problem(), replace(CONFIG, trials=12, neighbours=1, epochs=1))
    for trial in trials:
        found = trial.hyperparameters
        assert 1e-7 <= found.l1 <= 1
        assert 1e-7 <= found.wd <= 1
        assert 1e-5 <= found.learning_rate <= 1
        assert 1e-5 <= found.positive_example_weight_mult <= 1e4
        assert 100 <= found.mini_batch_size <= 1000
    assert {trial.hyperparameters.use_bias for trial in trials} == {True, False}
    assert trials[0].hyperparameters == FIRST


def test_a_signal_is_found() -> None:
    selected, _ = search(*problem(signal=3.0))
    assert selected.tried.feasible
    assert selected.tried.precision > 0.8
    assert int(np.abs(selected.tried.weights).argmax()) == 2


def test_below_the_recall_floor_never_wins_over_above_it() -> None:
    label = (np.arange(300) % 3 == 0).astype(np.uint8)
    # Column 0 knows the label half of the time. Column 1 always does, but stands higher in the second half, so that a
    # threshold of the one half is of no use on the other.
    known = np.where(np.arange(300) % 2 == 0, label, 0.5)
    standing = label + np.where(np.arange(300) < 150, 0.0, 10.0)
    columns = np.stack([known, standing], axis=1).astype(np.float32)
    calibration = Calibration(columns, label, (np.arange(150), np.arange(150, 300)))
    fits = learner.Fits(np.eye(2, dtype=np.float32), np.zeros(2, dtype=np.float32))
    good, bad = tuning.judge(fits, [FIRST, FIRST], calibration, 0.6)
    assert good.feasible
    assert bad.recall == 0.5
    assert not bad.feasible
    assert bad.objective < 0 < good.objective


def test_flagging_everything_is_not_feasible() -> None:
    _, calibration = problem()
    constant = learner.Fits(np.zeros((12, 1), dtype=np.float32), np.ones(1, dtype=np.float32))
    (tried,) = tuning.judge(constant, [FIRST], calibration, 0.25)
    assert (tried.feasible, tried.ranking) == (False, 0.0)
    assert tried.objective < 0


def test_without_halves_the_ranking_decides() -> None:
    selected, trials = search(*problem(signal=2.0, halves=False))
    assert selected.tried.objective == selected.tried.ranking > 0.7
    assert all(trial.feasible for trial in trials)
    assert "AUC" in selected.how


def test_with_no_feasible_trial_the_ranking_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    real = tuning.judge

    def nothing_feasible(*arguments: object) -> list[tuning.Tried]:
        tried = real(*arguments)  # type: ignore[arg-type]
        return [replace(one, feasible=False, objective=one.ranking - tuning.INFEASIBLE) for one in tried]

    monkeypatch.setattr(tuning, "judge", nothing_feasible)
    selected, trials = search(*problem(signal=2.0))
    assert not any(trial.feasible for trial in trials)
    assert selected.tried.ranking > 0.7
    assert "no trial keeps its recall" in selected.how


def test_settings_that_tell_nothing_apart_are_refused() -> None:
    prepared, calibration = problem()
    flat = Calibration(np.zeros_like(calibration.standardised), calibration.label, calibration.halves)
    with pytest.raises(NoModel) as caught:
        search(prepared, flat)
    assert caught.value.reason is RunReason.NO_FEASIBLE_TRIAL


def test_a_diverged_setting_is_infeasible_and_no_crash() -> None:
    prepared, calibration = problem()
    fits = learner.train(prepared, [FIRST, FIRST], 1, 2)
    fits.weights[3, 1] = np.nan
    good, bad = tuning.judge(fits, [FIRST, FIRST], calibration, 0.25)
    assert good.feasible
    assert (bad.feasible, bad.ranking) == (False, 0.0)


def test_seeds_depend_on_their_words_only() -> None:
    config = TrainingConfig()
    assert config.seed_of("sim:A", 3, "search") == 1189755706
    words = [("sim:A", 3, "search"), ("sim:A", 4, "search"), ("sim:B", 3, "search"), ("sim:A", 3, "rows")]
    assert len({config.seed_of(*one) for one in words}) == 4
    assert replace(config, seed=2).seed_of("sim:A", 3, "search") != config.seed_of("sim:A", 3, "search")
