"""The search: its ranges, its incumbent, and that it is the same search each time."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.sample import Sample
from services.trainer.learning.learner import Loss, OptimizerKind
from services.trainer.modelling.training_data import trainable_folds
from services.trainer.search import tuning
from services.trainer.search.config import TrainingConfig
from services.trainer.search.criteria import Criterion, Goal
from services.trainer.search.crossfit import Folds
from services.trainer.search.evaluation import EvaluatedSetting
from services.trainer.search.tuning import DEFAULT_SETTING, Search, SearchResult, select_setting
from tests.unit.trainer import made_parts
from tidewheel.domain.models import Hyperparameters
from tidewheel.domain.training import Trial

CONFIG = TrainingConfig(trials=5, neighbours=4, epochs=6)
SLOW = replace(DEFAULT_SETTING, learning_rate=1e-5, l1=1e-7, wd=1e-7)


def problem(rows: Sample | None = None, config: TrainingConfig = CONFIG, seed: int = 3) -> Search:
    rows = made_parts.part(signal=2.0) if rows is None else rows
    folds = Folds.of(rows, trainable_folds(rows, config.folds), config, 1)
    return Search(folds, rows.label[folds.indices], config, seed)


def run(search: Search) -> tuple[SearchResult, list[Trial]]:
    trials: list[Trial] = []
    return search.run(trials.append), trials


def test_the_same_seed_is_the_same_search() -> None:
    (one, trials), (other, again) = run(problem()), run(problem())
    assert trials == again
    assert (one.winner.objective, one.number, one.explanation) == (
        other.winner.objective,
        other.number,
        other.explanation,
    )
    assert one.winner.z_scores.tobytes() == other.winner.z_scores.tobytes()
    _, others = run(problem(seed=4, config=replace(CONFIG, neighbours=1)))
    _, same = run(problem(config=replace(CONFIG, neighbours=1)))
    for one_trial, other_trial in zip(same[1:4], others[1:4], strict=True):
        assert one_trial.hyperparameters != other_trial.hyperparameters


def test_every_trial_is_told_as_it_ends() -> None:
    selected, trials = run(problem())
    assert [(trial.number, trial.of) for trial in trials] == [(k, 5) for k in range(1, 6)]
    assert (selected.trials, 1 <= selected.number <= 5) == (5, True)
    assert selected.winner.objective <= trials[selected.number - 1].objective


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_odd_number_of_trials_is_no_fewer(count: int) -> None:
    selected, trials = run(problem(config=replace(CONFIG, trials=count)))
    assert len(trials) == selected.trials == count


def test_trials_are_the_best_of_their_neighbourhoods() -> None:
    """The more settings stand beside the same first proposal, the better it is said to do."""
    reached = [run(problem(config=replace(CONFIG, trials=1, neighbours=count)))[1][0].objective for count in (1, 8, 16)]
    assert reached == sorted(reached)
    assert reached[0] < reached[2]


def test_a_limit_of_time_ends_the_search_after_a_pair() -> None:
    asked: list[bool] = []

    def out_of_time() -> bool:
        asked.append(True)
        return len(asked) == 2

    selected, trials = run(replace(problem(), out_of_time=out_of_time))
    assert selected.trials == len(trials) == 4
    whole, every = run(problem())
    assert whole.trials == 5
    assert trials == every[:4]


def test_at_no_time_at_all_one_pair_is_tried() -> None:
    selected, trials = run(replace(problem(), out_of_time=lambda: True))
    assert selected.trials == len(trials) == 2


def test_a_search_cut_short_is_one_of_so_many_trials() -> None:
    """What `trials` in the lineage promises: whoever searches again with that number finds the same."""
    cut, trials = run(replace(problem(), out_of_time=lambda: True))
    again, others = run(problem(config=CONFIG.with_trials(cut.trials)))
    assert [replace(trial, of=0) for trial in trials] == [replace(trial, of=0) for trial in others]
    assert again.winner.z_scores.tobytes() == cut.winner.z_scores.tobytes()


def test_a_neighbourhood_lies_within_the_ranges_around_its_proposal() -> None:
    corner = Hyperparameters(False, 1e-7, 1.0, 1e4, 1.0, 100)
    for proposal in (DEFAULT_SETTING, corner):
        settings = tuning.neighbourhood(proposal, 16)
        assert settings[0] == proposal
        assert len(set(settings)) == 16
        for setting in settings:
            assert (setting.use_bias, setting.mini_batch_size) == (proposal.use_bias, proposal.mini_batch_size)
            assert tuning.L1[0] <= setting.l1 <= tuning.L1[1]
            assert tuning.WD[0] <= setting.wd <= tuning.WD[1]
            assert tuning.LEARNING_RATE[0] <= setting.learning_rate <= tuning.LEARNING_RATE[1]
            assert tuning.POSITIVE_WEIGHT[0] <= setting.positive_example_weight_mult <= tuning.POSITIVE_WEIGHT[1]
        # Mirrored at the ends, none are heaped on them.
        for name in ("learning_rate", "positive_example_weight_mult", "l1", "wd"):
            assert len({getattr(setting, name) for setting in settings}) == 16
    rates = sorted(setting.learning_rate for setting in tuning.neighbourhood(DEFAULT_SETTING, 16))
    assert rates[0] < DEFAULT_SETTING.learning_rate / 4
    assert rates[-1] > DEFAULT_SETTING.learning_rate * 4


def test_proposals_lie_within_the_ranges() -> None:
    _, trials = run(problem(config=replace(CONFIG, trials=12, neighbours=1, epochs=1)))
    for trial in trials:
        found = trial.hyperparameters
        assert 1e-7 <= found.l1 <= 1
        assert 1e-7 <= found.wd <= 1
        assert 1e-5 <= found.learning_rate <= 1
        assert 1e-5 <= found.positive_example_weight_mult <= 1e4
        assert 100 <= found.mini_batch_size <= 1000
    assert {trial.hyperparameters.use_bias for trial in trials} == {True, False}


def test_the_first_proposal_is_the_incumbent() -> None:
    selected, trials = run(problem(config=replace(CONFIG, neighbours=1)))
    assert trials[0].hyperparameters == selected.incumbent.hyperparameters == replace(DEFAULT_SETTING, epochs=6)


def test_a_warm_start_is_the_first_proposal() -> None:
    """Whatever it is: a setting of a neighbourhood, with the epochs it was stopped after."""
    start = replace(tuning.neighbourhood(SLOW, 9)[8], use_bias=False, mini_batch_size=137, epochs=2)
    search = replace(problem(config=replace(CONFIG, neighbours=1)), start=start)
    selected, trials = run(search)
    assert trials[0].hyperparameters == selected.incumbent.hyperparameters == replace(start, epochs=6)
    cold = run(problem(config=replace(CONFIG, neighbours=1)))[1]
    assert [t.hyperparameters for t in trials[1:4]] == [t.hyperparameters for t in cold[1:4]]


def test_a_signal_is_found() -> None:
    selected, _ = run(problem(made_parts.part(signal=3.0)))
    assert selected.winner.feasible
    assert selected.winner.precision > 0.8
    assert selected.winner.recall >= 0.25


def test_where_no_setting_tells_rows_apart_the_incumbent_stays_and_it_is_said() -> None:
    rows = made_parts.part()
    selected, trials = run(problem(replace(rows, features=np.zeros_like(rows.features))))
    assert len(trials) == selected.trials == 5
    assert not any(trial.feasible for trial in trials)
    assert selected.winner is selected.incumbent
    assert (selected.number, selected.winner.hyperparameters) == (1, replace(DEFAULT_SETTING, epochs=6))
    assert selected.explanation.endswith("as no other is shown better")


def test_balanced_weighs_the_classes_alike_in_every_setting() -> None:
    rows = made_parts.part(signal=2.0)
    rows = replace(rows, label=(rows.label & (np.arange(600) % 3 == 0)).astype(np.uint8))
    selected, trials = run(problem(rows, replace(CONFIG, balanced=True)))
    wanted = (600 - rows.label.sum()) / rows.label.sum()
    assert wanted > 3
    assert {trial.hyperparameters.positive_example_weight_mult for trial in trials} == {wanted}
    assert selected.incumbent.hyperparameters == replace(DEFAULT_SETTING, positive_example_weight_mult=wanted, epochs=6)
    searched = run(problem(rows))[1]
    assert len({trial.hyperparameters.positive_example_weight_mult for trial in searched}) > 1


def test_early_stopping_picks_a_stage_and_says_which() -> None:
    """Each setting at the best of three stages: never worse than at the last, and at times better."""
    rows, config = made_parts.part(signal=0.5, count=300), replace(CONFIG, trials=4)
    quick = replace(DEFAULT_SETTING, learning_rate=0.3)
    _, last = run(replace(problem(rows, config), start=quick))
    _, stopped = run(replace(problem(rows, replace(config, early_stopping=True)), start=quick))
    assert {trial.hyperparameters.epochs for trial in last} == {6}
    assert {trial.hyperparameters.epochs for trial in stopped} <= {2, 4, 6}
    assert len({trial.hyperparameters.epochs for trial in stopped}) > 1
    # The first proposals know nothing of one another yet, so they are the same settings.
    pairs = [(a.objective, b.objective, b.hyperparameters.epochs) for a, b in zip(last, stopped, strict=True)]
    assert all(at_best >= at_last for at_last, at_best, _ in pairs)
    assert any(at_best > at_last for at_last, at_best, epochs in pairs if epochs < 6)


@pytest.mark.parametrize("epochs", [1, 2])
def test_early_stopping_of_few_epochs(epochs: int) -> None:
    _, trials = run(problem(config=replace(CONFIG, early_stopping=True, epochs=epochs)))
    assert {trial.hyperparameters.epochs for trial in trials} <= set(range(1, epochs + 1))


@pytest.mark.parametrize("goal", Goal)
def test_every_criterion_finds_a_signal(goal: Goal) -> None:
    criterion = Criterion(goal, recall_min=0.25, precision_min=0.6, beta=0.5)
    selected, _ = run(problem(made_parts.part(signal=3.0), replace(CONFIG, criterion=criterion)))
    rate = made_parts.part(signal=3.0).label.mean()
    assert selected.winner.feasible
    assert selected.winner.precision > rate + 0.1
    if goal is Goal.RECALL_AT_TARGET_PRECISION:
        assert selected.winner.precision >= 0.6
        assert selected.winner.merit == selected.winner.recall


@pytest.mark.parametrize("update", OptimizerKind)
@pytest.mark.parametrize("loss", Loss)
def test_every_update_and_loss_finds_a_signal(loss: Loss, update: OptimizerKind) -> None:
    selected, _ = run(problem(made_parts.part(signal=3.0), replace(CONFIG, loss=loss, update=update)))
    assert selected.winner.precision > 0.75


def evaluated(
    merit: float, jackknife_merits: tuple[float, ...] = (), feasible: bool = True, name: float = 0.5
) -> EvaluatedSetting:
    """A setting with this merit, and with these where a piece of time is left out (its own in all of them if none)."""
    return EvaluatedSetting(
        *(replace(DEFAULT_SETTING, learning_rate=name), 1.0, 0.0, merit, feasible, merit, 0.3, np.zeros(4)),
        jackknife_merits=np.array(jackknife_merits or (merit,) * 4),
    )


SWAYING = (0.5, 0.7, 0.5, 0.7)  # against a steady one: an error of sqrt(3 / 4 * 4 * 0.01) = 0.173


def test_the_error_of_a_lead_by_hand() -> None:
    assert evaluated(0.6, SWAYING).lead_standard_error(evaluated(0.1)) == pytest.approx(np.sqrt(0.03))


@pytest.mark.parametrize(("beyond", "taken"), [(-0.005, False), (0.005, True)])
def test_the_incumbent_goes_where_it_is_beaten_by_five_errors(beyond: float, taken: bool) -> None:
    incumbent = evaluated(0.2)
    better = evaluated(0.2 + 5 * np.sqrt(0.03) + beyond, SWAYING)
    selected = select_setting([[incumbent, evaluated(0.1)], [evaluated(0.15), better]])
    assert (selected.winner is better) == taken
    assert (selected.winner is incumbent) == (not taken)
    assert (selected.number, selected.trials) == (2 if taken else 1, 2)
    assert selected.incumbent is incumbent
    assert ("shown better than the setting the search began with" in selected.explanation) == taken
    assert ("as no other is shown better" in selected.explanation) == (not taken)


def test_no_lead_at_all_is_no_reason() -> None:
    incumbent = evaluated(0.4)
    assert select_setting([[incumbent, evaluated(0.4)], [evaluated(0.3)]]).winner is incumbent


def test_the_surest_lead_wins_and_not_the_longest() -> None:
    sure, high = evaluated(0.45), evaluated(0.8, SWAYING)
    assert select_setting([[evaluated(0.2), high], [sure]]).winner is sure


def test_of_equals_the_earlier_trial_wins() -> None:
    one, other = evaluated(0.5), evaluated(0.5)
    assert select_setting([[evaluated(0.2)], [one], [other]]).winner is one


def test_what_is_not_feasible_never_takes_the_place() -> None:
    incumbent = evaluated(0.2)
    assert select_setting([[incumbent, evaluated(0.9, feasible=False)]]).winner is incumbent


def test_an_incumbent_that_is_not_feasible_is_defended_too() -> None:
    incumbent, better = evaluated(0.2, feasible=False), evaluated(0.9)
    assert select_setting([[incumbent], [evaluated(0.1)], [evaluated(0.2)]]).winner is incumbent
    selected = select_setting([[incumbent], [evaluated(0.1)], [better]])
    assert selected.winner is better
    assert (selected.number, selected.trials, selected.incumbent) == (3, 3, incumbent)


def test_where_nothing_is_feasible_the_incumbent_stays_whatever_leads_it() -> None:
    incumbent = evaluated(0.2, feasible=False)
    selected = select_setting([[incumbent, evaluated(0.9, feasible=False)], [evaluated(0.8, feasible=False)]])
    assert selected.winner is selected.incumbent is incumbent
    assert (selected.number, selected.trials) == (1, 2)


def test_seeds_depend_on_their_words_only() -> None:
    config = TrainingConfig()
    assert config.seed_of("sim:A", 3, "search") == 1189755706
    words = [("sim:A", 3, "search"), ("sim:A", 4, "search"), ("sim:B", 3, "search"), ("sim:A", 3, "rows")]
    assert len({config.seed_of(*one) for one in words}) == 4
    assert replace(config, seed=2).seed_of("sim:A", 3, "search") != config.seed_of("sim:A", 3, "search")
