"""How Faust is set up here: bytes in, bytes out, nothing of its own on the broker, on disk or on a port."""

import logging
import time
from typing import Any

import faust
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.sensors import Monitor
from faust.tables.manager import TableManager
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from mode.threads import WorkerThread

from services.orderbot.settings import Settings
from tidewheel.contracts.topics import ORDERBOT_GROUP, RECORD_BYTES_MAX
from tidewheel.runtime.kafka_access import KafkaAccess

# Records waiting for the agent. A busy market second has some 30 kB.
BUFFER_RECORDS_MAX = 1024
LINGER_S = 0.005
BATCH_BYTES_MAX = 256 * 1024
# Three chances to be heard within a session.
HEARTBEATS_PER_SESSION = 3
# Where the libraries log; the last for classes here that are derived from theirs.
LIBRARIES = ("faust", "mode", "aiokafka", __name__)
# While a broker is away, aiokafka says so some hundred times a second.
REPEAT_INTERVAL_S = 30.0
THREAD_STOP_TIMEOUT_S = 1.0


class NoTables(TableManager):  # type: ignore[misc]
    """Faust waits a second for tables to register before it joins its group; there are none here."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class NoSensors(Monitor):  # type: ignore[misc]
    """What is measured stands in tidewheel.telemetry.metrics; Faust's own figures cost a tenth of its time."""

    def _ignore(self, *_args: Any, **_more: Any) -> None:
        return None

    on_message_in = on_message_out = on_stream_event_in = on_stream_event_out = _ignore
    on_send_initiated = on_send_completed = on_send_error = on_topic_buffer_full = _ignore
    track_tp_end_offset = on_tp_commit = _ignore


class ConsumerWorker(WorkerThread):  # type: ignore[misc]
    """The thread of Faust's consumer, which does not keep the process alive when the broker has gone."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.daemon = True

    def run(self) -> None:
        """Faust has been told of what ends the thread; the interpreter need not print it as well."""
        try:
            super().run()
        except BaseException as failure:
            logging.getLogger("faust").error("the consumer's thread ended with %r", failure)

    def stop(self) -> None:
        self.join(THREAD_STOP_TIMEOUT_S)


# Faust has no setting for it.
AIOKafkaConsumerThread.Worker = ConsumerWorker


class RepeatFilter(logging.Filter):
    """Lets the same message of a library through once in a while; our own pass."""

    def __init__(self) -> None:
        super().__init__()
        self._last_logged_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(LIBRARIES):
            return True
        now_s, message = time.monotonic(), str(record.msg)
        if now_s - self._last_logged_s.get(message, -REPEAT_INTERVAL_S) < REPEAT_INTERVAL_S:
            return False
        self._last_logged_s[message] = now_s
        return True


def quiet_library_logs() -> None:
    """Faust's and aiokafka's news are not ours; what goes wrong is, said sparingly."""
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RepeatFilter())


class App(faust.App):  # type: ignore[misc]
    """A Faust app without a folder of data: it holds no state."""

    async def on_first_start(self) -> None:
        """Faust makes its data directory here."""

    def abort_sends(self, failure: BaseException) -> None:
        """Send nothing more. aiokafka would go on with what stands behind a record that it could not deliver; told of
        that at once, it has not begun to."""
        producer = self.producer._producer
        if producer is not None:
            producer._sender.sender_task.cancel()
            producer._message_accumulator.fail_all(failure)


def credentials(access: KafkaAccess) -> Credentials | None:
    """What Faust is told of locks; a password as its file holds it now. Raises SecretFileError."""
    context = access.tls_context() if access.has_tls else None
    if access.has_sasl:
        user = {"username": access.username, "password": access.password()}
        return SASLCredentials(mechanism=access.mechanism.value, ssl_context=context, **user)
    return SSLCredentials(context) if context else None


def make_app(settings: Settings) -> App:
    """The app, not started; call it within the event loop that will run it."""
    return App(
        ORDERBOT_GROUP,
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
        broker_credentials=credentials(settings.kafka_access),
        processing_guarantee="at_least_once",
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        TableManager=NoTables,
        Monitor=NoSensors,
        # Else Faust's own assignor for tables is used.
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        cython_optimizations=True,
        broker_session_timeout=settings.session_timeout_s,
        broker_rebalance_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / HEARTBEATS_PER_SESSION,
        consumer_group_instance_id=f"tidewheel-orderbot-{settings.instance}" if settings.instance else None,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=BUFFER_RECORDS_MAX,
        # Waiting for deliveries is done by OrderBot, which knows of them.
        stream_wait_empty=False,
        # aiokafka never sets the time this is compared with, so any limit ends in errors about a healthy consumer.
        stream_processing_timeout=float("inf"),
        producer_acks=-1,
        producer_linger=LINGER_S,
        producer_max_batch_size=BATCH_BYTES_MAX,
        producer_max_request_size=RECORD_BYTES_MAX,
    )
