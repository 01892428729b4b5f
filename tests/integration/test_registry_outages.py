"""Redis stopped, paused, flushed and replaced by an empty one: what serves goes on, and what comes is followed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
import redis

from tests.predictors import NO_KAFKA, RunningPredictor, metric_value, running
from tests.servers import server_port
from tests.synthetic_models import INSTRUMENT, make_model, make_row, published
from tests.waiting import eventually
from tidewheel.domain.models import Scorer
from tidewheel.local.servers.redis import LocalRedis, start_redis
from tidewheel.registry.store import Publication, Registry, RegistryUnavailableError

pytestmark = pytest.mark.redis_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalRedis]:
    """A Redis of the test's own, with windows 1 to 5 published and a rollback to 2."""
    made = start_redis(tmp_path / "first", server_port())
    with closing(Registry.connect(made.url)) as registry:
        for seq in range(1, 6):
            registry.publish(*published(seq))
        registry.rollback(INSTRUMENT, 2)
    yield made
    with suppress(ProcessLookupError):
        os.kill(made.process.pid, signal.SIGCONT)
    made.stop()


def up() -> float:
    return metric_value("tidewheel_registry_up", service="predictor")


def assert_serves(made: RunningPredictor, epoch: int, seq: int) -> None:
    reply = made.client.predict(make_row(9))
    assert (reply.model.epoch, reply.model.seq) == (epoch, seq)
    assert reply.score == Scorer.of(make_model(seq)).score(make_row(9))


def publish_later(url: str, seq: int) -> None:
    """By a trainer that comes after whatever happened."""
    with closing(Registry.connect(url)) as registry:
        assert registry.publish(*published(seq)) is Publication.PUBLISHED


def test_a_paused_one(server: LocalRedis) -> None:
    with running(server.url) as made:
        eventually(lambda: made.client.served() == (2, 2), "the rollback is served")
        os.kill(server.process.pid, signal.SIGSTOP)
        eventually(lambda: up() == 0, "the outage is seen")
        assert_serves(made, 2, 2)
        os.kill(server.process.pid, signal.SIGCONT)
        eventually(lambda: up() == 1, "Redis is seen again")
        publish_later(server.url, 6)
        eventually(lambda: made.client.served() == (2, 6), "the next window is served")


def emptied(server: LocalRedis, _: Path) -> LocalRedis:
    with redis.Redis.from_url(server.url) as raw:
        raw.flushall()
    return server


def replaced(server: LocalRedis, folder: Path) -> LocalRedis:
    server.process.kill()
    server.process.wait()
    return start_redis(folder / "second", server.port)


@pytest.mark.parametrize("lose", [emptied, replaced])
@pytest.mark.parametrize("seq", [6, 1])
def test_one_that_has_lost_everything(
    server: LocalRedis, tmp_path: Path, lose: Callable[[LocalRedis, Path], LocalRedis], seq: int
) -> None:
    """Windows go on, or begin anew with their topics."""
    with ExitStack() as stack, running(server.url) as made:
        eventually(lambda: made.client.served() == (2, 2), "the rollback is served")
        now = lose(server, tmp_path)
        stack.callback(now.stop)
        missing = "tidewheel_model_swap_failures_total"
        before = metric_value(missing, instrument=INSTRUMENT, reason="missing")
        eventually(lambda: metric_value(missing, instrument=INSTRUMENT, reason="missing") > before, "the loss is seen")
        assert_serves(made, 2, 2)
        publish_later(now.url, seq)
        eventually(lambda: made.client.served() == (1, seq), "what comes then is served")
        assert_serves(made, 1, seq)


def test_a_predictor_that_starts_without_it_serves_its_copies(server: LocalRedis, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    with running(server.url, model_dir=str(copies)) as made:
        eventually(lambda: made.client.served() == (2, 2), "the rollback is served")
        eventually(lambda: len(list(copies.glob("*.model"))) == 1, "a copy is written")
    (copy,) = copies.glob("*.model")
    assert copy.stat().st_mode & 0o077 == 0
    (copies / f"{'0' * 32}.model").write_bytes(copy.read_bytes())
    (copies / f"{'1' * 32}.model").write_bytes(b"no copy")
    os.kill(server.process.pid, signal.SIGSTOP)
    failures = metric_value("tidewheel_model_copy_failures_total")
    with running(server.url, model_dir=str(copies)) as made:
        eventually(lambda: made.client.served() == (2, 2), "the copy is served")
        assert_serves(made, 2, 2)
        assert metric_value("tidewheel_model_copy_failures_total") == failures + 2
        os.kill(server.process.pid, signal.SIGCONT)
        publish_later(server.url, 6)
        eventually(lambda: made.client.served() == (2, 6), "the next window is served")
    with running("redis://127.0.0.1:1/0", kafka=NO_KAFKA, model_dir=str(copies)) as made:
        eventually(lambda: made.client.served() == (2, 6), "the newer copy is served")
    content = copy.read_bytes()
    for spoilt in (
        content[:-1],
        content[:200],
        b"",
        content.replace(INSTRUMENT.encode(), b"sim:ETH-USD"),
        content + b"x",
    ):
        copy.write_bytes(spoilt)
        with running("redis://127.0.0.1:1/0", model_dir=str(copies)) as made:
            eventually(lambda: up() == 0, "the outage is seen")
            assert made.client.served() is None


def test_signed_copies_only(server: LocalRedis, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    with running(server.url, model_dir=str(copies)) as made:
        eventually(lambda: made.client.served() == (2, 2), "the rollback is served")
        eventually(lambda: len(list(copies.glob("*.model"))) == 1, "a copy is written")
    with running("redis://127.0.0.1:1/0", model_dir=str(copies), hmac_key="key") as made:
        eventually(lambda: up() == 0, "the outage is seen")
        assert made.client.served() is None


def test_a_directory_that_cannot_be_written_costs_nothing(server: LocalRedis, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failures = metric_value("tidewheel_model_copy_failures_total")
    with running(server.url, model_dir=str(tmp_path / "file" / "copies")) as made:
        eventually(lambda: made.client.served() == (2, 2), "the rollback is served")
        eventually(lambda: metric_value("tidewheel_model_copy_failures_total") > failures, "it is counted")


def test_an_outage_is_one_line_without_a_password(server: LocalRedis) -> None:
    url = server.url.replace("redis://", "redis://:secret-word@")
    with closing(Registry.connect(url)) as registry, pytest.raises(RegistryUnavailableError) as caught:
        registry.current(INSTRUMENT)
    assert "secret-word" not in str(caught.value)
    assert "\n" not in str(caught.value)
