"""Damage to every key of the registry while predictor, trainer and command line work."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.predictors import NO_KAFKA, metric_value, running
from tests.registry_damage import signed
from tests.registry_damage.table import kinds, set_up
from tests.registry_damage.trial import NEW, NEWER, Trial, counted, served_seq, told
from tests.synthetic_models import INSTRUMENT, published
from tests.waiting import eventually
from tidewheel.registry import keys
from tidewheel.registry.store import Registry

pytestmark = pytest.mark.redis_server


@pytest.fixture
def trial(empty_redis: str) -> Iterator[Trial]:
    made = Trial(empty_redis, kinds())
    yield made
    made.close()


def test_there_are_many_kinds() -> None:
    assert len({kind.label for kind in kinds()}) == len(kinds()) >= 60


def test_damage_concerns_its_own_and_is_mended(trial: Trial, tmp_path: Path) -> None:
    with running(trial.url) as made:
        trial.await_served(made.client, 3)
        trial.damage()
        trial.await_counted()
        trial.assert_last_good_answers(made.client)
        assert told("models", "list", "--redis", trial.url)[0] == 0
        for label in ("older record: more hits than flags", "pointer: a list"):
            of = ("--instrument", trial.instrument(label), "--redis", trial.url)
            assert told("report", *of, "--kafka", NO_KAFKA, "--out", str(tmp_path / "run.html"))[0] == 0
            assert told("models", "show", "2", *of)[0] == 0
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


@pytest.fixture
def forgers(empty_redis: str) -> Iterator[str]:
    """Another database of the same Redis."""
    url = empty_redis.rpartition("/")[0] + "/1"
    yield url
    with redis.Redis.from_url(url) as raw:
        raw.flushdb()


def test_without_the_key_nothing_is_believed(empty_redis: str, forgers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(empty_redis, list(signed.kinds(forgers)), run=1, key=signed.KEY)
    monkeypatch.setenv("TIDEWHEEL_HMAC_KEY", signed.KEY.decode())
    with closing(trial), running(trial.url, hmac_key=signed.KEY.decode()) as made:
        trial.await_served(made.client, 3)
        trial.damage()
        trial.await_counted()
        trial.assert_last_good_answers(made.client)
        assert told("models", "list", "--redis", trial.url)[0] == 0
        assert told("models", "check", "--redis", trial.url)[0] == 1
        trial.train(NEW)
        trial.await_served(made.client, NEW)
        assert told("models", "check", "--repair", "--redis", trial.url)[0] == 0
        trial.train(NEWER)
        trial.await_served(made.client, NEWER)


def test_a_signed_pointer_put_back_is_not_taken(empty_redis: str) -> None:
    with (
        closing(Registry.connect(empty_redis, signed.KEY)) as registry,
        running(empty_redis, hmac_key=signed.KEY.decode()) as made,
        redis.Redis.from_url(empty_redis) as raw,
    ):
        set_up(registry, INSTRUMENT)
        eventually(lambda: made.client.served() == (1, 3), "window 3 is served")
        before = raw.hgetall(keys.pointer(INSTRUMENT, keys.CURRENT))
        registry.rollback(INSTRUMENT, 1)
        eventually(lambda: made.client.served() == (2, 1), "the rollback is served")
        backward = counted(INSTRUMENT).get("backward", 0.0)
        raw.hset(keys.pointer(INSTRUMENT, keys.CURRENT), mapping=before)
        eventually(lambda: counted(INSTRUMENT).get("backward", 0.0) > backward, "it is counted")
        assert made.client.served() == (2, 1)


def test_an_empty_key_is_a_fault_of_a_command(empty_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWHEEL_HMAC_KEY", "")
    code, said = told("models", "list", "--redis", empty_redis)
    assert (code, "set and empty" in said) == (2, True)


def share_list(raw: redis.Redis, key: str) -> None:
    raw.delete(key)
    raw.lpush(key, "x")


@pytest.mark.parametrize("key", [keys.INSTRUMENTS, keys.MOVED])
def test_damage_of_what_all_share_stops_nothing(empty_redis: str, key: str) -> None:
    names = [f"sim:S{number}" for number in range(3)]
    with (
        closing(Registry.connect(empty_redis)) as registry,
        redis.Redis.from_url(empty_redis) as raw,
    ):
        for name in names:
            set_up(registry, name)
        with running(empty_redis) as made:
            eventually(lambda: all(served_seq(made.client, name) == 3 for name in names), "all are served")
            for spoil in (lambda: share_list(raw, key), lambda: raw.delete(key)):
                spoil()
                for name in names:
                    newest = registry.newest_run(name)
                    registry.publish(*published(newest + 1, name))
                    eventually(lambda name=name, seq=newest + 1: served_seq(made.client, name) == seq, "it is served")
            odd = metric_value("tidewheel_model_swap_failures_total", instrument="", reason="instrument")
            raw.sadd(keys.INSTRUMENTS, "no id", "\x1b[2J", "x" * 20_000)
            eventually(
                lambda: metric_value("tidewheel_model_swap_failures_total", instrument="", reason="instrument") > odd,
                "names that are none are counted",
            )
            assert told("models", "check", "--repair", "--redis", empty_redis)[0] == 0
            assert registry.instruments() == names
