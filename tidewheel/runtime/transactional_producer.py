"""The transactional producer of a process: one client at a time, replaced as soon as an end of it was uncertain."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from confluent_kafka import KafkaException, Producer, TopicPartition

from tidewheel.domain.errors import TidewheelError
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.kafka import KAFKA, Clients, Config, producer_config
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.outbox import Outbox
from tidewheel.runtime.transaction_evidence import DEBUG, TransactionEvidence, Uncertainty

WAIT_CALLS = 4
# The broker aborts a transaction that stays open longer, so that its readers wait no longer for a process that died.
TRANSACTION_LIMIT_MS = 30_000
# A connection on which nothing is answered for so long is given up: well before the transaction's own limit.
REQUEST_LIMIT_MS = 10_000
HUNG_POLL_S = 1.0


class CommitUncertainError(TidewheelError):
    """Nobody knows whether the transaction was committed; the group's offsets say it to whoever fences its producer."""


def transactional_client(
    bootstrap: Broker,
    service: str,
    transactional_id: str,
    clients: Clients = KAFKA,
    evidence: TransactionEvidence | None = None,
) -> Producer:
    """A client. Two with the same id fence each other: the one that was initialised later wins."""
    config: Config = producer_config(bootstrap, service)
    config |= {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_LIMIT_MS,
        "socket.timeout.ms": REQUEST_LIMIT_MS,
        # Without it every delivered record costs an event that nobody waits for.
        "delivery.report.only.error": True,
    }
    if evidence is not None:
        config |= {"debug": DEBUG, "logger": evidence}
    return clients.producer(config)


class ClientCall:
    """One that may never come back, and its client."""

    def __init__(self, client: Producer) -> None:
        self.client = client
        self.returned = threading.Event()

    def drain_log(self, _: threading.Event) -> None:
        """Hear its client's log until it comes back, so that the log stays short.

        Nobody can close such a client, and it goes on to try its broker and to log that. librdkafka keeps its queue in
        order by walking along it, so that a client that nobody hears takes ever more of a processor: five took one
        after some minutes without their broker.
        """
        while not self.returned.is_set():
            with suppress(KafkaException):
                self.client.poll(HUNG_POLL_S)


class TransactionalProducer(Outbox):
    """Calls as confluent-kafka's producer has them, on the client of the moment; produces within the open transaction.

    No transaction may begin while `uncertainty` is not None. `renew` makes it None: a new client of the same name gets
    a new epoch from the coordinator, which ends what the old one left open and refuses what it still has under way.
    """

    def __init__(self, make: Callable[[TransactionEvidence], Producer]) -> None:
        """`make`: a client that logs to the evidence it is given; called at each renewal."""
        self._make = make
        self._evidence = TransactionEvidence()
        self._call: ClientCall | None = None
        self._initialised: Producer | None = None

    def renew(self, limit_s: float) -> None:
        """A new client, initialised. The first call is the start. Raises KafkaException; then call again.

        The one before is freed when this one is initialised: its epoch has all requests of the other refused.
        librdkafka counts a request that registers a partition after it has handed it on; one that is failed in
        between, as by freeing the client just then, ends the process by an assertion.
        """
        if self._call is not None and not self._call.returned.is_set():
            BackgroundThread("hung-client", self._call.drain_log).start()
        self._call = None
        self._evidence = TransactionEvidence()
        self._producer = self._make(self._evidence)
        self._producer.init_transactions(limit_s)
        self._initialised = self._producer
        self._drain_log()
        self._evidence.on_initialised()

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Why no transaction may follow the one that was ended last, if so."""
        return self._evidence.uncertainty

    def begin(self) -> None:
        """Raises KafkaException."""
        self._producer.begin_transaction()

    def send_offsets(self, offsets: Sequence[TopicPartition], member: object, limit_s: float) -> None:
        """Raises KafkaException. May never come back, as where the broker goes away under it."""
        call = self._call = ClientCall(self._producer)
        try:
            call.client.send_offsets_to_transaction(list(offsets), member, limit_s)
        finally:
            call.returned.set()

    def commit(self, limit_s: float) -> None:
        """Raises KafkaException, which may be tried again where it says so: records are still on their way; and
        CommitUncertainError where the end itself was not answered."""
        self._evidence.on_ending()
        try:
            self._producer.commit_transaction(limit_s)
        except KafkaException as failure:
            self._drain_log()  # an event that nobody has polled counts as outstanding
            if failure.args[0].retriable() and not len(self._producer):
                raise CommitUncertainError(f"the commit was not answered for {limit_s:.0f} s") from failure
            raise
        self._drain_log()  # what is logged of it is heard

    def wait(self, wait_s: float) -> None:
        """Let the client work for so long, or somewhat less: each line of its log ends a call, and a client whose
        broker is away has more to tell than anybody can wait for the end of."""
        while self._drain_log():
            pass
        for _ in range(WAIT_CALLS if wait_s else 0):
            self._drain_log(wait_s / WAIT_CALLS)

    def _drain_log(self, wait_s: float = 0.0) -> int:
        """Hear what is logged. An error that ends a client may be raised here: its next call fails of it too."""
        with suppress(KafkaException):
            return self._producer.poll(wait_s)
        return 0
