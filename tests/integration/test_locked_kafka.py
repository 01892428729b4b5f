"""A real broker with locks: each service does its work as its own user, and is refused all that is not declared."""

import dataclasses
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from tests import locked_kafka as kafka_locks
from tests import locked_redis as redis_locks
from tests.locked_kafka import LockedKafka, locked_kafka
from tests.locked_redis import locked_redis
from tests.predictors import Client
from tests.service_under_test import ServiceProcess, produce
from tests.waiting import LIMIT_S, RUN_LIMIT_S, Deadline, eventually
from tidewheel.cli.main import main
from tidewheel.contracts import topics
from tidewheel.contracts.access import MEMBERS, PRINCIPALS, Grant, Operation, Resource, allows, grants
from tidewheel.contracts.topics import EXAMPLES, GROUP_TOPICS, TOPICS
from tidewheel.local.processes.subprocesses import free_port
from tidewheel.runtime.kafka import KAFKA, client, consumer_config, failed_with, partitions_of
from tidewheel.runtime.kafka_access import KafkaAccess, KafkaSecurity
from tidewheel.runtime.kafka_refusals import NOT_ALLOWED
from tidewheel.runtime.retry import Retry
from tidewheel.runtime.transaction_policy import UNAVAILABLE

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
# One market for each ingest of the module: they go on with one log, where another market would be refused.
MARKET = {"SPEED": "max", "AHEAD_MAX_S": "1200", "SIM_SEED": "3"}
FOREIGN_ID = "another-labeler-0"
OWN_ID = f"{topics.LABELER_NAMES}0"
Right = tuple[str, Resource, str, Operation]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedKafka]:
    with locked_kafka(tmp_path_factory.mktemp("locked")) as started:
        yield started


def test_each_service_does_its_work_as_its_own_user(
    locked: LockedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    more = {
        "ingest": MARKET,
        "trainer": {"WINDOW": "300", "TRIALS": "1", "SCRATCH_DIR": str(tmp_path)},
        "predictor": {"GRPC_PORT": str(port), "GRPC_HOST": "127.0.0.1"},
    }
    (tmp_path / "key").write_text("signed by this\n")
    with ExitStack() as stack, locked_redis(tmp_path / "redis") as redis:
        running: dict[str, ServiceProcess] = {}
        for service in SERVICES:
            settings = kafka_locks.environment(locked.access(service, KafkaSecurity.SASL_TLS)) | more.get(service, {})
            if service in ("trainer", "predictor"):
                settings |= redis_locks.environment(redis.access(service, tls=True))
                settings["HMAC_KEY_FILE"] = str(tmp_path / "key")
            running[service] = stack.enter_context(ServiceProcess(service, tmp_path, **settings))
        asked = Client(port)
        stack.enter_context(closing(asked.channel))
        served = _eventually(lambda: asked.served() or _first_error(tmp_path), "a model is served")
        assert isinstance(served, tuple), served
        assert {service: process.terminate() for service, process in running.items()} == dict.fromkeys(SERVICES, 0)
        with closing(redis.judge()) as judge:
            assert judge.execute_command("ACL", "LOG") == []
    for name, value in kafka_locks.environment(locked.access("people", KafkaSecurity.SASL_TLS)).items():
        monkeypatch.setenv(f"TIDEWHEEL_{name}", value)
    # People read it, by the same settings, and may write nothing.
    assert main(["export", "orders", "--out", str(tmp_path / "orders.csv")]) == 0
    assert main(["verify-log"]) == 0, capsys.readouterr().err
    assert main(["topics", "check"]) == 0
    logs = _logs(tmp_path)
    for secret in (*(f"password of {user}" for user in PRINCIPALS), "signed by this"):
        assert secret not in logs


def _eventually(found: Callable[[], Any], what: str) -> Any:
    """What is found, within the time of a run."""
    deadline = Deadline(RUN_LIMIT_S)
    while not (answer := found()):
        deadline.check(what)
    return answer


def _first_error(folder: Path) -> str:
    """The log of a service that could not go on, if any."""
    return next((log for log in _logs(folder).split("\n\n") if " ERROR " in log), "")


def _logs(folder: Path) -> str:
    return "\n\n".join(path.read_text() for path in sorted(folder.glob("*.log")))


# ---- the door: before anything lies on the topics that no service wrote ----


@pytest.mark.parametrize("security", [KafkaSecurity.SASL_PLAINTEXT, KafkaSecurity.SASL_TLS, KafkaSecurity.TLS])
def test_each_kind_of_door_opens_to_its_key(locked: LockedKafka, security: KafkaSecurity) -> None:
    consumer = KAFKA.consumer(consumer_config(locked.access("labeler", security), "test", topics.LABELER_GROUP))
    assert partitions_of(consumer, topics.TICKS.name, LIMIT_S) == [0, 1]
    consumer.close()


def test_a_client_goes_on_when_its_password_is_put_right(
    locked: LockedKafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text("an old one")
    access = dataclasses.replace(locked.access("labeler"), password_file=str(file))
    consumer = KAFKA.consumer(consumer_config(access, "test", topics.LABELER_GROUP))
    with caplog.at_level(logging.ERROR):
        file.write_text(locked.password_file("labeler").read_text())
        eventually(lambda: consumer.poll(0.1) is None and _knows_topics(consumer), "it is let in")
    consumer.close()
    assert "an old one" not in caplog.text


def _knows_topics(consumer: Any) -> bool:
    try:
        return bool(partitions_of(consumer, topics.TICKS.name, 1.0))
    except KafkaException:
        return False


@pytest.mark.parametrize("service", SERVICES[:4])
def test_a_service_waits_for_its_password_and_then_begins(locked: LockedKafka, tmp_path: Path, service: str) -> None:
    file = tmp_path / "password"
    file.write_text("an old one")
    access = dataclasses.replace(locked.access(service, KafkaSecurity.SASL_TLS), password_file=str(file))
    more = {"REDIS": "redis://127.0.0.1:1/0"} | (MARKET if service == "ingest" else {})
    with ServiceProcess(service, tmp_path, **more, **kafka_locks.environment(access)) as one:
        refused = f"Kafka at {access} refuses user {service} with the password in {file}"
        eventually(lambda: refused in one.log.read_text(), "the refusal is told")
        assert one.process.poll() is None
        assert not one.answers("/ready")
        eventually(lambda: one.answers("/live"), "it lives")  # a machine that is busy lets it say so late
        file.write_text(locked.password_file(service).read_text())
        one.await_ready()
        ended, said = one.terminate(), one.log.read_text()
        assert ended == 0, said
        assert f"password of {service}" not in said
        assert "an old one" not in said


@pytest.mark.parametrize("service", SERVICES[:4])
def test_a_service_that_may_not_says_what_it_is_refused(locked: LockedKafka, tmp_path: Path, service: str) -> None:
    # As `admin` it knows of the topics, and may neither read nor write them.
    settings = kafka_locks.environment(locked.access("admin"))
    with ServiceProcess(service, tmp_path, REDIS="redis://127.0.0.1:1/0", **settings) as one:
        assert one.process.wait(RUN_LIMIT_S) == 1
        (line,) = [line for line in one.log.read_text().splitlines() if " ERROR " in line]
        assert "uthorization failed" in line
        assert "`tidewheel topics acls` prints what each service must be allowed" in line


def test_a_command_says_who_is_refused(
    locked: LockedKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("an old one")
    access = dataclasses.replace(locked.access("people"), password_file=str(tmp_path / "password"))
    for name, value in kafka_locks.environment(access).items():
        monkeypatch.setenv(f"TIDEWHEEL_{name}", value)
    assert main(["topics", "check"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"tidewheel: Kafka at {access} refuses user people with the password in")
    assert said.count("\n") == 1
    assert "an old one" not in said


# ---- what the broker lets a user do ----


def rights(locked: LockedKafka, principal: str) -> set[Right]:
    """Tried on the broker: topics read and written, groups committed for, transactional ids used, topics made."""
    access = locked.access(principal)
    found = {
        *((principal, Resource.TOPIC, name, Operation.WRITE) for name in _written(access)),
        *((principal, Resource.TOPIC, name, Operation.READ) for name in TOPICS if _can_read(access, principal, name)),
        *((principal, Resource.GROUP, group, Operation.READ) for group in MEMBERS if _can_commit(access, group)),
    }
    for name in (OWN_ID, FOREIGN_ID):
        if _is_allowed(lambda name=name: _begin_transactions(access, name)):
            found.add((principal, Resource.TRANSACTIONAL_ID, name, Operation.WRITE))
    return found


def declared(granted: Iterable[Grant], principal: str) -> set[Right]:
    """The same as it is declared."""
    wanted: list[tuple[Resource, Collection[str], tuple[Operation, ...]]] = [
        (Resource.TOPIC, TOPICS, (Operation.READ, Operation.WRITE)),
        (Resource.GROUP, MEMBERS, (Operation.READ,)),
        (Resource.TRANSACTIONAL_ID, (OWN_ID, FOREIGN_ID), (Operation.WRITE,)),
    ]
    granted = list(granted)
    return {
        (principal, resource, name, operation)
        for resource, names, operations in wanted
        for name in names
        for operation in operations
        if allows(granted, principal, resource, name, operation)
    }


def _is_allowed(call: Callable[[], object]) -> bool:
    """Whether the broker lets it be done. Raises KafkaException for any other failure."""
    try:
        call()
    except KafkaException as failure:
        if failure.args[0].code() in NOT_ALLOWED:
            return False
        raise
    return True


def _written(access: KafkaAccess) -> set[str]:
    """Topics on which a record arrived; without idempotence, which asks for more than one topic's right."""
    failures: dict[str, KafkaError | None] = {}
    producer = Producer(client(access, "test"))
    for name in TOPICS:
        if _is_allowed(lambda name=name: partitions_of(producer, name, LIMIT_S)):
            producer.produce(name, b"x", b"key", 0, on_delivery=lambda error, m: failures.update({m.topic(): error}))
    assert producer.flush(LIMIT_S) == 0
    assert all(error is None or error.code() in NOT_ALLOWED for error in failures.values())
    return {name for name, error in failures.items() if error is None}


def _can_read(access: KafkaAccess, principal: str, name: str) -> bool:
    """Whether the first record of a topic comes; where it may not even be known, it does not."""
    own = next(one.name for one in grants() if (one.principal, one.resource) == (principal, Resource.GROUP))
    consumer = KAFKA.consumer(consumer_config(access, "test", own))
    try:
        if not _is_allowed(lambda: partitions_of(consumer, name, LIMIT_S)):
            return False
        consumer.assign([TopicPartition(name, 0, 0)])
        deadline = Deadline()
        while (message := consumer.poll(0.1)) is None:
            deadline.check(f"{principal} hears of {name}")
        error = message.error()
        assert error is None or error.code() in NOT_ALLOWED, error
        return error is None
    finally:
        consumer.close()


def _can_commit(access: KafkaAccess, group: str) -> bool:
    """Who may not even ask for the group's coordinator would wait for it when it commits: so that is asked first."""
    admin = KAFKA.admin(client(access, "test"))
    if not _is_allowed(lambda: admin.describe_consumer_groups([group], request_timeout=LIMIT_S)[group].result()):
        return False
    consumer = KAFKA.consumer(consumer_config(access, "test", group))
    places = [TopicPartition(GROUP_TOPICS[group][0], 0, 0)]
    try:
        return _is_allowed(
            lambda: Retry(0.1, LIMIT_S).call(lambda: _commit(consumer, places), failed_with(UNAVAILABLE))
        )
    finally:
        consumer.close()


def _commit(consumer: Consumer, places: list[TopicPartition]) -> None:
    consumer.commit(offsets=places, asynchronous=False)


def _begin_transactions(access: KafkaAccess, name: str) -> None:
    Producer({**client(access, "test"), "transactional.id": name}).init_transactions(LIMIT_S)


@pytest.fixture(scope="module")
def filled(locked: LockedKafka) -> LockedKafka:
    """A record on the first partition of each topic."""
    for name in TOPICS:
        produce(locked.direct, name, [(b"key", b"value")], 0)
    return locked


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_each_may_do_what_is_declared_and_nothing_else(filled: LockedKafka, principal: str) -> None:
    assert rights(filled, principal) == declared(grants(), principal)


def test_a_planted_wrong_declaration_is_found(filled: LockedKafka) -> None:
    planted = dataclasses.replace(EXAMPLES, producers=("labeler", "predictor"))
    wrong = grants([planted if topic is EXAMPLES else topic for topic in TOPICS.values()])
    assert declared(wrong, "predictor") - rights(filled, "predictor") == {
        ("predictor", Resource.TOPIC, EXAMPLES.name, Operation.WRITE)
    }


@pytest.mark.parametrize("principal", [one for one in PRINCIPALS if one != "admin"])
def test_only_the_admin_makes_topics_and_entries(
    locked: LockedKafka, principal: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in kafka_locks.environment(locked.access(principal)).items():
        monkeypatch.setenv(f"TIDEWHEEL_{name}", value)
    assert main(["topics", "acls", "--apply"]) == 1
    assert "the user is refused this" in capsys.readouterr().err


def test_the_admin_compares_entries(
    locked: LockedKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in kafka_locks.environment(locked.access("admin")).items():
        monkeypatch.setenv(f"TIDEWHEEL_{name}", value)
    assert main(["topics", "create"]) == 0
    assert main(["topics", "acls", "--apply", "--check"]) == 0
    assert "all entries are as declared" in capsys.readouterr().out
    surplus = AclBinding(
        *(ResourceType.TOPIC, "examples", ResourcePatternType.LITERAL, "User:predictor", "*"),
        *(AclOperation.WRITE, AclPermissionType.ALLOW),
    )
    admin = KAFKA.admin(client(locked.direct, "test"))
    try:
        admin.create_acls([surplus])[surplus].result()
        assert main(["topics", "acls", "--check"]) == 1
        assert capsys.readouterr().err == (
            "not declared: User:predictor allow write on topic examples (literal) from *\n"
        )
    finally:
        admin.delete_acls([_filter_of(surplus)])
    eventually(lambda: main(["topics", "acls", "--check"]) == 0, "it is gone")


def _filter_of(one: AclBinding) -> Any:
    from confluent_kafka.admin import AclBindingFilter

    parts = (one.restype, one.name, one.resource_pattern_type, one.principal, one.host)
    return AclBindingFilter(*parts, one.operation, one.permission_type)
