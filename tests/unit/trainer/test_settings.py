"""What the trainer can be told, and what it says to the rest."""

import pytest

from services.trainer.learner import Update
from services.trainer.settings import Settings
from tidewheel.runtime.settings import BadSettings, load


def test_defaults_are_the_contracts() -> None:
    config = load(Settings, {}).training()
    assert (config.window, config.step, config.trials, config.at_once) == (10_000, 10_000, 10, 2)
    assert (config.epochs, config.recall_min, config.update) == (15, 0.25, Update.SGD)


def test_what_is_set_arrives() -> None:
    names = {"WINDOW": "2000", "STEP": "500", "TRIALS": "4", "OPTIMIZER": "adam", "SEED": "9", "PROMOTION": "proven"}
    settings = load(Settings, {f"TIDEWHEEL_{name}": value for name, value in names.items()})
    config = settings.training()
    assert (config.window, config.step, config.trials, config.update, config.seed) == (2000, 500, 4, Update.ADAM, 9)
    assert settings.promotion == "proven"
    assert "promotion" not in config.canonical()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WINDOW", "10", "from 200"),
        ("STEP", "20000", "window step 20000 must be from 1 to the window size 10000"),
        ("TRIALS", "0", "from 1 to 1000"),
        ("PROMOTION", "always", "one of fresh, proven"),
        ("OPTIMIZER", "lbfgs", "one of sgd, adam"),
        ("REDIS", "nowhere", "must be a Redis URL"),
    ],
)
def test_a_wrong_value_is_told_in_words(name: str, value: str, words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        load(Settings, {f"TIDEWHEEL_{name}": value})


def test_the_canonical_text_is_stable() -> None:
    """A change of this text makes the models of every registry those of another configuration."""
    assert load(Settings, {}).training().canonical() == (
        '{"at_once":2,"epochs":15,"neighbours":16,"procedure":2,"recall_min":0.25,"seed":1,"step":10000,'
        '"trials":10,"update":"sgd","window":10000}'
    )
