"""A refusal: said once in a while, and answered with the password as its file holds it now."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaError

from tidewheel.runtime.kafka_access import KafkaAccess, KafkaSecurity
from tidewheel.runtime.kafka_refusals import RefusalListener, RefusalReporter, failure_text

REFUSED = KafkaError(KafkaError._AUTHENTICATION, "invalid credentials")


class Client:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def set_sasl_credentials(self, user: str, password: str) -> None:
        self.told.append((user, password))


def listener_of(access: KafkaAccess) -> RefusalListener:
    """One that gives the password at once, which a client of the library would not bear."""
    return RefusalListener(access, RefusalReporter(), lambda call: call())


@pytest.fixture
def access(tmp_path: Path) -> KafkaAccess:
    (tmp_path / "password").write_text("first")
    return KafkaAccess("there:9092", KafkaSecurity.SASL_PLAINTEXT, "labeler", str(tmp_path / "password"))


def test_a_password_that_was_replaced_is_given_to_the_client_once(access: KafkaAccess) -> None:
    client, listener = Client(), listener_of(access)
    listener.attach(client)
    listener(REFUSED)
    assert client.told == []
    Path(access.password_file).write_text("second")
    listener(KafkaError(KafkaError._TRANSPORT))
    assert client.told == []
    listener(REFUSED)
    listener(REFUSED)
    assert client.told == [("labeler", "second")]


def test_a_file_that_is_half_replaced_is_looked_at_again(access: KafkaAccess) -> None:
    client, listener = Client(), listener_of(access)
    listener.attach(client)
    Path(access.password_file).unlink()
    listener(REFUSED)
    Path(access.password_file).write_text("second")
    listener(REFUSED)
    assert client.told == [("labeler", "second")]


def test_a_client_that_has_gone_is_not_kept(access: KafkaAccess) -> None:
    heard: list[KafkaError] = []
    listener = listener_of(access)
    listener.next = heard.append
    listener.attach(Client())
    Path(access.password_file).write_text("second")
    listener(REFUSED)
    assert heard == [REFUSED]


def test_it_is_said_once_in_a_while_and_without_the_password(
    access: KafkaAccess, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = [0.0]
    reporter = RefusalReporter(30.0, lambda: now_s[0])
    with caplog.at_level(logging.ERROR):
        for time_s in (0.0, 1.0, 29.0, 30.0, 31.0):
            now_s[0] = time_s
            reporter.report(access, REFUSED)
        reporter.report(access, KafkaError(KafkaError._SSL, "no\ncertificate"))
    assert [record.getMessage() for record in caplog.records] == [
        *2
        * (
            f"Kafka at there:9092 refuses user labeler with the password in {access.password_file} (SCRAM-SHA-512): "
            "invalid credentials; it is tried again",
        ),
        "Kafka at there:9092 and this client do not agree on TLS: no certificate; it is tried again",
    ]


def test_what_a_user_may_not_do_is_said_with_where_it_stands() -> None:
    assert "`tidewheel topics acls`" in failure_text(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert "acls" not in failure_text(KafkaError(KafkaError._TRANSPORT))


def test_the_client_is_not_called_from_within_its_callback(access: KafkaAccess) -> None:
    calls: list[Callable[[], object]] = []
    client, listener = Client(), RefusalListener(access, RefusalReporter(), calls.append)
    listener.attach(client)
    Path(access.password_file).write_text("second")
    listener(REFUSED)
    assert client.told == []
    calls[0]()
    assert client.told == [("labeler", "second")]
