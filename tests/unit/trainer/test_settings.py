"""What the trainer can be told, and what it says to the rest."""

import json
from dataclasses import replace
from typing import Any

import pytest

from services.trainer.learning.learner import Loss, OptimizerKind
from services.trainer.search.config import TrainingConfig
from services.trainer.search.criteria import Criterion, Goal
from services.trainer.settings import Settings
from tidewheel.runtime.settings import SettingsError, load

UNUSUAL = TrainingConfig(
    window=2000,
    step=500,
    memory=5,
    trials=4,
    criterion=Criterion(Goal.F_BETA, 0.4, 0.7, 0.5),
    update=OptimizerKind.ADAM,
    loss=Loss.HINGE,
    balanced=True,
    uniqueness_weights=True,
    early_stopping=True,
    warm_start=True,
    seed=9,
)


def settings_of(**names: str) -> Settings:
    return load(Settings, {f"TIDEWHEEL_{name.upper()}": value for name, value in names.items()})


def test_defaults_are_those_of_the_rules() -> None:
    settings = settings_of()
    config = settings.training()
    assert config == TrainingConfig()
    assert (config.window, config.step, config.trials, config.at_once) == (10_000, 10_000, 10, 2)
    assert (config.epochs, config.folds, config.neighbours, config.memory) == (6, 3, 16, 12)
    assert config.criterion == Criterion(Goal.PRECISION_AT_TARGET_RECALL, recall_min=0.25)
    assert (config.update, config.loss) == (OptimizerKind.SGD, Loss.LOGISTIC)
    switches = (config.balanced, config.uniqueness_weights, config.early_stopping, config.warm_start)
    assert switches == (False,) * 4
    assert settings.tuning_limit_s == 60.0


def test_what_is_set_arrives() -> None:
    settings = settings_of(
        window="2000",
        step="500",
        memory="5",
        trials="4",
        criterion="f_beta",
        recall_min="0.4",
        precision_min="0.7",
        beta="0.5",
        optimizer="adam",
        loss="hinge",
        positive_weight="balanced",
        uniqueness_weights="true",
        early_stopping="yes",
        warm_start="1",
        seed="9",
        promotion="proven",
        tuning_limit_s="0",
    )
    assert settings.training() == UNUSUAL
    assert (settings.promotion, settings.tuning_limit_s) == ("proven", 0.0)


def test_what_shapes_no_model_is_not_in_its_configuration() -> None:
    assert settings_of(promotion="proven", tuning_limit_s="5", instance="one").training() == settings_of().training()


def test_a_step_that_is_not_set_is_the_window() -> None:
    assert settings_of(window="3000").training().step == 3000


@pytest.mark.parametrize("goal", Goal)
def test_every_goal_can_be_told(goal: Goal) -> None:
    assert settings_of(criterion=goal.value).training().criterion.goal is goal


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WINDOW", "10", "from 200"),
        ("STEP", "20000", "window step 20000 must be from 1 to the window size 10000"),
        ("TRIALS", "0", "from 1 to 1000"),
        ("MEMORY", "0", "from 1 to 64"),
        ("MEMORY", "65", "from 1 to 64"),
        ("PROMOTION", "always", "one of fresh, proven"),
        ("OPTIMIZER", "lbfgs", "one of sgd, adam"),
        ("CRITERION", "profit", "one of precision_at_target_recall, recall_at_target_precision, accuracy, f_beta"),
        ("RECALL_MIN", "0", "from 0.01 to 1"),
        ("RECALL_MIN", "1.1", "from 0.01 to 1"),
        ("PRECISION_MIN", "60", "from 0.01 to 1"),
        ("BETA", "0", "from 0.01 to 100"),
        ("LOSS", "squared", "one of logistic, hinge"),
        ("POSITIVE_WEIGHT", "2", "one of tuned, balanced"),
        ("UNIQUENESS_WEIGHTS", "perhaps", "must be true or false"),
        ("EARLY_STOPPING", "2", "must be true or false"),
        ("WARM_START", "on", "must be true or false"),
        ("TUNING_LIMIT_S", "-1", "from 0 to 3600"),
        ("TUNING_LIMIT_S", "nan", "from 0 to 3600"),
        ("REDIS", "nowhere", "must be a Redis URL"),
    ],
)
def test_a_wrong_value_is_told_in_words(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(Settings, {f"TIDEWHEEL_{name}": value})


def test_the_canonical_text_is_stable() -> None:
    """A change of this text makes the models of every registry those of another configuration."""
    assert settings_of().training().canonical_json() == (
        '{"at_once":2,"balanced":false,"criterion":{"beta":1.0,"goal":"precision_at_target_recall",'
        '"precision_min":0.6,"recall_min":0.25},"early_stopping":false,"epochs":6,"folds":3,"loss":"logistic",'
        '"memory":12,"neighbours":16,"procedure":4,"seed":1,"step":10000,"trials":10,"uniqueness_weights":false,'
        '"update":"sgd","warm_start":false,"window":10000}'
    )


@pytest.mark.parametrize("config", [TrainingConfig(), UNUSUAL])
def test_a_configuration_is_read_back_from_its_text(config: TrainingConfig) -> None:
    again = TrainingConfig.from_dict(json.loads(config.canonical_json()))
    assert again == config
    assert again.canonical_json() == config.canonical_json()
    assert isinstance(again.criterion.goal, Goal)
    assert isinstance(again.update, OptimizerKind)
    assert isinstance(again.loss, Loss)


@pytest.mark.parametrize(
    "change",
    [
        {"update": "lbfgs"},
        {"loss": "squared"},
        {"criterion": {"goal": "profit"}},
        {"criterion": {"goal": "accuracy", "alpha": 1}},
        {"criterion": 0.25},
        {"momentum": 0.9},
    ],
)
def test_the_text_of_another_program_is_told(change: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        TrainingConfig.from_dict({**json.loads(TrainingConfig().canonical_json()), **change})
    older = json.loads(TrainingConfig().canonical_json())
    del older["criterion"]
    with pytest.raises(KeyError):
        TrainingConfig.from_dict(older)


def test_a_search_cut_short_is_of_the_same_configuration() -> None:
    config = TrainingConfig(trials=10)
    for trials in (1, 2, 10):
        cut = config.with_trials(trials)
        assert cut == replace(config, trials=trials)


def test_how_many_trials_were_made() -> None:
    assert TrainingConfig.trials_in(UNUSUAL.with_trials(3).canonical_json()) == 3
    assert TrainingConfig.trials_in('{"seed":1}') == TrainingConfig.trials_in("") == 0
