"""The registry's Redis with the declared users: each does its work, and is refused all else."""

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.locked_redis import LockedRedis, environment, locked_redis
from tests.predictors import Client, process
from tests.synthetic_models import INSTRUMENT, published
from tests.waiting import eventually
from tidewheel.cli.main import main
from tidewheel.registry import access, keys
from tidewheel.registry.client import connect
from tidewheel.registry.store import Registry, RegistryUnavailableError

pytestmark = pytest.mark.redis_server

# What nobody may do but whoever owns the server.
OF_THE_SERVER = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "requirepass"),
    ("CONFIG", "SET", "dir", "/tmp"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "predictor", "+@all"),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("SAVE",),
    ("KEYS", "*"),
    ("MONITOR",),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LIST"),
    ("GET", "not-of-ours"),
    ("EVAL", "return 1", "0"),
)
# Those that change what lies there or tell of it, and who may do each by itself.
WRITES: dict[tuple[str, ...], set[str]] = {
    ("SET", keys.model(INSTRUMENT, 9), "x"): {"trainer"},
    ("HSET", keys.pointer(INSTRUMENT, keys.CURRENT), "seq", "9"): {"trainer", "admin"},
    ("ZADD", keys.history(INSTRUMENT), "9", "9"): {"trainer", "admin"},
    ("SADD", keys.INSTRUMENTS, "sim:OTHER"): {"trainer", "admin"},
    ("DEL", keys.model(INSTRUMENT, 9)): {"trainer", "admin"},
    ("PUBLISH", keys.CHANNEL, "sim:OTHER"): {"trainer", "admin"},
    ("PUBLISH", "another-channel", "x"): set(),
    ("SET", "not-of-ours", "x"): set(),
}
PROBES: dict[tuple[str, ...], set[str]] = {**{probe: set() for probe in OF_THE_SERVER}, **WRITES}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedRedis]:
    with locked_redis(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def empty(locked: LockedRedis) -> LockedRedis:
    with closing(locked.judge()) as judge:
        judge.flushall()
        judge.execute_command("ACL", "LOG", "RESET")
    return locked


def registry_of(locked: LockedRedis, user: str, *, tls: bool = False) -> Registry:
    return Registry.connect(locked.access(user, tls=tls))


def denied(locked: LockedRedis) -> list[object]:
    """What the server has refused since it was emptied."""
    with closing(locked.judge()) as judge:
        return list(judge.execute_command("ACL", "LOG"))


def allowed_to(locked: LockedRedis, user: str) -> set[tuple[str, ...]]:
    """Which of the probes the server lets a user do."""
    found = set()
    for probe in PROBES:
        with closing(connect(locked.access(user))) as client:
            try:
                client.execute_command(*probe)
            except redis.exceptions.NoPermissionError:
                continue
            except redis.exceptions.ResponseError:
                pass  # done, and it came to nothing
            found.add(probe)
    return found


@pytest.mark.parametrize("user", list(access.USERS))
def test_each_may_do_what_it_needs_and_nothing_else(empty: LockedRedis, user: str) -> None:
    assert allowed_to(empty, user) == {probe for probe, users in PROBES.items() if user in users}


def test_a_planted_wrong_rule_is_found(tmp_path: Path) -> None:
    rules = " ".join(access.rules_of(access.USERS["predictor"]))
    wrong = f"user wrong on >password&of&wrong {rules} +publish"
    with locked_redis(tmp_path, (wrong,)) as planted:
        planted.password_file("wrong").write_text("password&of&wrong")
        assert allowed_to(planted, "wrong") == {("PUBLISH", keys.CHANNEL, "sim:OTHER")}


def test_each_does_its_work_and_is_refused_nothing(empty: LockedRedis) -> None:
    with (
        closing(registry_of(empty, "trainer")) as trainer,
        closing(registry_of(empty, "predictor")) as predictor,
        closing(registry_of(empty, "people")) as people,
        closing(registry_of(empty, "admin")) as admin,
        predictor.notifications() as news,
    ):
        for seq in (1, 2):
            trainer.publish(*published(seq))
        trainer.publish_candidate(*published(3))
        trainer.update_record(
            INSTRUMENT, 2, lambda record: dataclasses.replace(record, reason="") if hasattr(record, "seq") else None
        )
        eventually(lambda: INSTRUMENT in news.wait(0.1), "the predictor hears of it")
        assert [registry.instruments() for registry in (predictor, people)] == 2 * [[INSTRUMENT]]
        pointer = predictor.current(INSTRUMENT)
        assert pointer is not None
        assert predictor.load_pointed(pointer).lineage is not None
        assert predictor.reader.moved(0).names == [INSTRUMENT]
        assert people.kept_models(INSTRUMENT) == [3, 2, 1]
        assert admin.rollback(INSTRUMENT, 1).seq == 1
        assert admin.promote(INSTRUMENT, 3).seq == 3
    assert denied(empty) == []


@pytest.mark.parametrize("user", ["predictor", "people", "admin"])
def test_only_the_trainer_publishes_and_the_others_are_told_so(empty: LockedRedis, user: str) -> None:
    words = rf"^Redis at 127.0.0.1:{empty.port} refuses this user: .*permission"
    with closing(registry_of(empty, user)) as registry, pytest.raises(RegistryUnavailableError, match=words):
        registry.publish(*published(1))


@pytest.mark.parametrize("user", ["ingest", "orderbot", "labeler", "default"])
def test_the_others_do_not_get_in(empty: LockedRedis, user: str) -> None:
    empty.password_file(user).write_text("whatever")
    with (
        closing(registry_of(empty, user)) as registry,
        pytest.raises(RegistryUnavailableError, match=rf"Redis at 127.0.0.1:{empty.port} refuses this user"),
    ):
        registry.ping()


def test_tls_and_who_is_trusted(empty: LockedRedis) -> None:
    with closing(registry_of(empty, "trainer", tls=True)) as trainer:
        trainer.publish(*published(1))
        assert trainer.instruments() == [INSTRUMENT]
    untrusted = dataclasses.replace(empty.access("trainer", tls=True), ca_file="")
    with (
        closing(Registry.connect(untrusted)) as trainer,
        pytest.raises(RegistryUnavailableError, match=r"(?i)certificate"),
    ):
        trainer.ping()


def test_a_password_that_is_replaced_is_used_from_the_next_connection_on(empty: LockedRedis) -> None:
    path = empty.password_file("people")
    with closing(registry_of(empty, "people")) as people, closing(empty.judge()) as judge:
        people.ping()
        judge.execute_command("ACL", "SETUSER", "people", "resetpass", ">newer")
        judge.execute_command("CLIENT", "KILL", "USER", "people")
        with pytest.raises(RegistryUnavailableError, match=r"refuses this user: .*invalid username-password"):
            people.ping()
        path.write_text("newer\n")
        people.ping()
        judge.execute_command("ACL", "SETUSER", "people", "resetpass", ">password of people")
        path.write_text("password of people\n")
    assert path.read_text() == "password of people\n"


def test_a_predictor_waits_for_its_password_and_then_serves(empty: LockedRedis, tmp_path: Path) -> None:
    with closing(registry_of(empty, "trainer")) as trainer:
        trainer.publish(*published(1))
    file = tmp_path / "password"
    file.write_text("wrong")
    settings = environment(dataclasses.replace(empty.access("predictor", tls=True), password_file=str(file)))
    with process(settings.pop("REDIS"), tmp_path, **settings) as (running, port, log):
        eventually(lambda: "refuses this user" in log.read_text(), "the refusal is told")
        assert running.poll() is None
        file.write_text(empty.password_file("predictor").read_text())
        client = Client(port)
        eventually(lambda: client.served() == (1, 1), "window 1 is served")
        client.channel.close()
        assert "password of predictor" not in log.read_text()


def test_the_command_prints_what_is_in_force(
    empty: LockedRedis, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "trainer").write_text("password of trainer\n")
    assert main(["registry", "acl", "--password-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    kept = (empty.folder / "users.acl").read_text().splitlines()
    assert printed[1] == kept[1]
    assert " on " not in printed[2]
    (tmp_path / "predictor").write_text("")
    assert main(["registry", "acl", "--password-dir", str(tmp_path)]) == 2
    assert f"the file {tmp_path / 'predictor'} is empty" in capsys.readouterr().err
