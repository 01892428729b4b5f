"""`python -m tests.proxy.torn`: one late request tears a transaction apart, shown on Kafka's client for C alone.

The proxy keeps the EndTxn of transaction 2. The client hears nothing, connects anew, sends EndTxn again, and begins
transaction 3; when that has records on the broker, the first EndTxn arrives. Exit code 0 when what comes of it is what
is expected: half of transaction 3 committed for ever, unless a new producer of the same name began it.
"""

import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.proxy.actions import AfterFrame, Hold
from tests.proxy.broker import ProxiedKafka, proxied_kafka
from tests.proxy.events import Event, Outcome
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.schedule import OnlyNth, Rule, Schedule
from tests.system.chaos import log
from tests.waiting import LIMIT_S, Deadline

RECORDS = 10
HALF = RECORDS // 2
# After so long the client sends a request again, on a new connection.
REQUEST_LIMIT_MS = 2_000
POLL_EVERY_S = 0.05
HELD_TRANSACTION = 2


@dataclass(frozen=True)
class Run:
    """`call_limit_s`: of one call of commit_transaction, repeated while that may help."""

    name: str
    call_limit_s: float
    new_producer: bool = False

    @property
    def torn(self) -> bool:
        """Whether transaction 3 is expected to be."""
        return not self.new_producer


RUNS = (
    Run("short calls of commit", 0.5),
    Run("one patient call of commit", LIMIT_S),
    Run("a new producer of the same name before transaction 3", 0.5, new_producer=True),
)


@dataclass(frozen=True)
class TornResult:
    """What came of a run.

    `late`: what was done to the EndTxn. `committed`: records by transaction. `timed_out`: calls of commit_transaction
    in transaction 2 that did. `failure`: what the client was told in transaction 3.
    """

    late: Event
    visible_while_open: int
    committed: dict[int, int]
    timed_out: int
    failure: str

    def faults(self, run: Run) -> list[str]:
        """In what it is not what is expected."""
        wanted = {1: RECORDS, 2: RECORDS, 3: HALF if run.torn else RECORDS}
        visible = HALF if run.torn else 0
        pairs = {
            "visible while open": (self.visible_while_open, visible),
            "committed": (self.committed, wanted),
            "the late request was accepted": (self.late.error == 0, run.torn),
            "transaction 3 failed": (bool(self.failure), run.torn),
        }
        return [f"{what}: {found}, expected {other}" for what, (found, other) in pairs.items() if found != other]


class Client:
    """Writes numbered transactions to a topic of its own."""

    def __init__(self, kafka: ProxiedKafka, run: Run) -> None:
        self.topic = self.name = f"torn-{RUNS.index(run)}"
        self._kafka, self._run = kafka, run
        self.producer = self.made()

    def made(self) -> Producer:
        producer = Producer(
            {
                "bootstrap.servers": self._kafka.bootstrap,
                "transactional.id": self.name,
                "socket.timeout.ms": REQUEST_LIMIT_MS,
                "log_level": 0,
            }
        )
        producer.init_transactions(LIMIT_S)
        return producer

    def write(self, transaction: int, numbers: range) -> None:
        for _ in numbers:
            self.producer.produce(self.topic, str(transaction).encode(), partition=0)
        self.producer.flush(LIMIT_S)

    def commit(self) -> int:
        """How many calls timed out. Raises KafkaException where another would not help."""
        deadline = Deadline()
        timed_out = 0
        while True:
            try:
                self.producer.commit_transaction(self._run.call_limit_s)
                return timed_out
            except KafkaException as failure:
                if not failure.args[0].retriable() or deadline.passed:
                    raise
                timed_out += 1

    def committed(self) -> dict[int, int]:
        """Records by transaction, as a reader of committed ones gets them now; asked past the proxy."""
        return dict(Counter(int(record.value or b"0") for record in log.committed(self._kafka.direct, self.topic)))


def torn(kafka: ProxiedKafka, run: Run) -> TornResult:
    """Three transactions, the end of the second kept until the third has records on the broker."""
    client = Client(kafka, run)
    admin = AdminClient({"bootstrap.servers": kafka.direct})
    for future in admin.create_topics([NewTopic(client.topic, 1, 1)]).values():
        future.result()
    until = AfterFrame(ApiKey.PRODUCE, Direction.REPLY)
    rule = Rule.of(Hold(until), ApiKey.END_TXN, transactional_id=client.name, when=OnlyNth(HELD_TRANSACTION))
    kafka.proxy.use(Schedule([rule]))
    before = len(kafka.proxy.events.all())
    timed_out = 0
    for number in (1, HELD_TRANSACTION):
        client.producer.begin_transaction()
        client.write(number, range(RECORDS))
        timed_out = client.commit()
    if run.new_producer:
        client.producer = client.made()
    client.producer.begin_transaction()
    client.write(3, range(HALF))
    late = answered(kafka, before)
    visible = visible_now(client, late)
    failure = rest_of_third(client)
    return TornResult(late, visible, client.committed(), timed_out, failure)


def answered(kafka: ProxiedKafka, event_index: int) -> Event:
    """The tampering at that place, once the broker has answered the late request."""
    return kafka.proxy.events.wait_for(
        lambda events: len(events) > event_index and events[event_index].outcome is Outcome.ANSWERED, LIMIT_S
    )[event_index]


def visible_now(client: Client, late: Event) -> int:
    """Records of transaction 3. Those of one that has just been committed can be read a moment later."""
    deadline, pause = Deadline(), threading.Event()
    while not (visible := client.committed().get(3, 0)) and late.error == 0 and not deadline.passed:
        pause.wait(POLL_EVERY_S)
    return visible


def rest_of_third(client: Client) -> str:
    """What the client is told, empty if all went well."""
    try:
        client.write(3, range(HALF, RECORDS))
        client.commit()
    except KafkaException as failure:
        return str(failure.args[0].name())
    return ""


def main() -> int:
    faults = []
    with tempfile.TemporaryDirectory(prefix="tidewheel-torn-") as folder, proxied_kafka(Path(folder)) as kafka:
        for run in RUNS:
            result = torn(kafka, run)
            print(f"{run.name}:")
            print(f"  calls of commit in transaction 2 that timed out: {result.timed_out}")
            print(f"  {result.late}")
            print(f"  transaction 3 still open, visible to read_committed: {result.visible_while_open} of its records")
            print(f"  transaction 3 {'failed: ' + result.failure if result.failure else 'committed'}")
            print(f"  committed in the end, by transaction: {result.committed}")
            faults += [f"{run.name}: {fault}" for fault in result.faults(run)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
