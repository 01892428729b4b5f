"""A Kafka that lets nobody in: said in one line, and asked again, since passwords and certificates are replaced.

librdkafka connects again by itself and tells of each refusal; what it does not do is read the password's file again.
"""

import logging
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from tidewheel.domain.texts import printable
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka_access import KafkaAccess
from tidewheel.runtime.secret_files import SecretFileError

C = TypeVar("C", Consumer, Producer)
REFUSED = (KafkaError._AUTHENTICATION, KafkaError._SSL)
NOT_ALLOWED = (
    *(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED),
    *(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED),
)
REPORT_EVERY_S = 30.0
ASK_LIMIT_S = 2.0
ASK_EVERY_S = 1.0
ERROR_CB = "error_cb"
DENIALS_HEARD_MAX = 10


def failure_text(failure: KafkaError) -> str:
    """A failure in words for people; of what the user may not do, where it stands what it needs."""
    words = printable(" ".join(failure.str().split()), 500)
    if failure.code() in NOT_ALLOWED:
        return f"{words}: the user is refused this; `tidewheel topics acls` prints what each service must be allowed"
    return words


def refusal_text(access: KafkaAccess, failure: KafkaError) -> str:
    """Why nobody is let in, in one line."""
    words = printable(" ".join(failure.str().split()), 300)
    if failure.code() == KafkaError._AUTHENTICATION and access.has_sasl:
        return (
            f"Kafka at {access} refuses user {access.username} with the password in {access.password_file} "
            f"({access.mechanism}): {words}"
        )
    return f"Kafka at {access} and this client do not agree on TLS: {words}"


class RefusalReporter:
    """Logs a refusal once in a while, however many clients are refused however often."""

    def __init__(self, every_s: float = REPORT_EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._due_s: dict[int, float] = {}

    def report(self, access: KafkaAccess, failure: KafkaError) -> None:
        with self._lock:
            now_s = self._clock()
            if now_s < self._due_s.get(failure.code(), now_s):
                return
            self._due_s[failure.code()] = now_s + self._every_s
        logging.getLogger("kafka").error("%s; it is tried again", refusal_text(access, failure))


REPORTER = RefusalReporter()


def _on_thread(call: Callable[[], object]) -> None:
    """Soon, on another thread: a client that is called from within its own callback ends the process with its next
    callback of the same poll (confluent-kafka 2.16)."""

    def work(_: threading.Event) -> None:
        call()

    BackgroundThread("credentials", work).start()


class RefusalListener:
    """Hears a client's errors. A refused user's password is read again and given to the client."""

    def __init__(
        self,
        access: KafkaAccess,
        reporter: RefusalReporter = REPORTER,
        elsewhere: Callable[[Callable[[], object]], None] = _on_thread,
    ) -> None:
        self.next: Callable[[KafkaError], object] | None = None
        self._access = access
        self._reporter = reporter
        self._elsewhere = elsewhere
        self._client: Callable[[], Any] = lambda: None
        self._known = access.password() if access.has_sasl else ""

    def attach(self, client: Any) -> None:
        """The client, of which only a weak reference is kept: it ends when its owner lets go of it."""
        self._client = weakref.ref(client)

    def __call__(self, failure: KafkaError) -> None:
        if failure.code() in REFUSED:
            self._reporter.report(self._access, failure)
            if self._access.has_sasl:
                self._renew()
        if self.next is not None:
            self.next(failure)

    def _renew(self) -> None:
        try:
            password = self._access.password()
        except SecretFileError:  # half replaced: it is looked at again with the next refusal
            return
        client = self._client()
        if client is not None and password != self._known:
            self._known = password
            self._elsewhere(partial(client.set_sasl_credentials, self._access.username, password))


def listening(kind: type[C]) -> Callable[[dict[str, Any]], C]:
    """Makes clients whose listener, where their configuration has one, knows them."""

    # A class of Python's, since those of the library cannot be referred to weakly.
    class Listened(kind):  # type: ignore[valid-type, misc]
        pass

    def make(config: dict[str, Any]) -> C:
        listener = config.get(ERROR_CB)
        if not isinstance(listener, RefusalListener):
            return kind(config)
        client: C = Listened(config)
        listener.attach(client)
        return client

    return make


def find_refusal(config: dict[str, Any], limit_s: float = ASK_LIMIT_S) -> KafkaError | None:
    """Ask a broker for its topics; why it lets nobody in, None where it does, or does not answer at all."""
    errors: list[KafkaError] = []
    producer = Producer({**config, ERROR_CB: errors.append, "log_level": 0})
    try:
        producer.list_topics(timeout=limit_s)
    except KafkaException:
        producer.poll(0)
    return next((failure for failure in errors if failure.code() in REFUSED), None)


def find_denial(consumer: Consumer) -> KafkaError | None:
    """What a consumer that waits in vain has been told that it may not do, if so."""
    for _ in range(DENIALS_HEARD_MAX):
        message = consumer.poll(0.0)
        error = message.error() if message is not None else None
        if error is not None and error.code() in NOT_ALLOWED:
            return error
    return None


def await_admission(
    access: KafkaAccess,
    config: Callable[[], dict[str, Any]],
    health: Health,
    stop: threading.Event,
    reporter: RefusalReporter = REPORTER,
) -> None:
    """Return when the broker lets us in, does not answer at all, or `stop` is set. `config`: a client's, with the
    password as it is then. Raises SecretFileError where that cannot be read."""
    while not stop.is_set():
        health.heartbeat()
        failure = find_refusal(config())
        if failure is None:
            return
        health.not_ready("Kafka refuses this user" if access.has_sasl else "no TLS with Kafka")
        reporter.report(access, failure)
        stop.wait(ASK_EVERY_S)
