"""Damage to every key of the registry while predictor, trainer and command line work."""

from collections.abc import Iterator

import pytest

from tests.predictors import running
from tests.registry_damage.table import kinds
from tests.registry_damage.trial import NEW, NEWER, Trial, told

pytestmark = pytest.mark.redis_server


@pytest.fixture
def trial(empty_redis: str) -> Iterator[Trial]:
    made = Trial(empty_redis, kinds())
    yield made
    made.close()


def test_there_are_many_kinds() -> None:
    assert len({kind.label for kind in kinds()}) == len(kinds()) >= 60


def test_damage_concerns_its_own_and_is_mended(trial: Trial) -> None:
    with running(trial.url) as made:
        trial.await_served(made.client, 3)
        trial.damage()
        trial.await_counted()
        trial.assert_last_good_answers(made.client)
        assert told("models", "list", "--redis", trial.url)[0] == 0
        code, said = told("models", "check", "--redis", trial.url)
        assert code == 1
        assert [kind.label for name, kind in trial.kinds.items() if (f"{{{name}}}:" in said) is not kind.shows] == []
        assert trial.untouched not in said
        trial.assert_last_good_answers(made.client)
        trial.train(NEW)
        trial.await_served(made.client, NEW)
        code, said = told("models", "check", "--repair", "--redis", trial.url)
        assert code == 0, said[-2_000:]
        trial.train(NEWER)
        trial.await_served(made.client, NEWER)
        trial.assert_last_good_answers(made.client, NEWER)
