"""The broker of a disturbed run behind a proxy that tampers with requests and replies, drawn from a seed.

What is drawn for whom follows from what is promised (ADR 24, ARCHITECTURE's guarantees). A labeler's transactions are
proof against everything that a network does. Orders, and offsets committed beside a transaction, are at least once, so
that these may come late too. What ingest and trainer produce is idempotent as long as their process lives: a request of
theirs is sent twice, or lost before or after the broker has it, but none is kept until a successor has gone on.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.proxy.actions import Drop, DropReplyAndClose, Duplicate, DuplicateLater, Hold
from tests.proxy.broker import ProxiedKafka, proxied_kafka
from tests.proxy.events import Event
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.random_schedule import TRANSACTIONAL, for_reply, random_schedule
from tests.proxy.schedule import Probability, RandomAction, Rule, Schedule

# Client ids. The order bot's is Faust's own.
LABELER, INGEST, ORDERBOT, TRAINER = "tidewheel-labeler", "tidewheel-ingest", "faust-*", "tidewheel-trainer"
# Shares that give something every two or three seconds of a labeler, and of the others together about half as much.
TRANSACTIONS_RATE = 0.07
PRODUCE_RATE = 0.002
COMMITS_RATE = 0.05
HEARTBEATS_RATE = 0.05
HELD_FRAMES_MAX = 6
AT_ONCE = (Duplicate(), Drop(0.0), DropReplyAndClose())


def schedule(seed: int) -> Schedule:
    """What is done to whom."""
    drawings = (
        random_schedule(seed, rate=TRANSACTIONS_RATE, api_keys=TRANSACTIONAL, client=LABELER),
        random_schedule(seed, rate=PRODUCE_RATE, api_keys=[ApiKey.PRODUCE], client=LABELER),
        random_schedule(seed, rate=PRODUCE_RATE, api_keys=[ApiKey.PRODUCE], client=ORDERBOT),
        *(
            random_schedule(seed, rate=COMMITS_RATE, api_keys=[ApiKey.OFFSET_COMMIT], client=name)
            for name in (ORDERBOT, TRAINER)
        ),
        *(
            random_schedule(seed, rate=HEARTBEATS_RATE, api_keys=[ApiKey.HEARTBEAT], client=name)
            for name in (LABELER, ORDERBOT, TRAINER)
        ),
        *(_at_once(seed, client) for client in (INGEST, TRAINER)),
    )
    return Schedule([rule for one in drawings for rule in one.rules], held_frames_max=HELD_FRAMES_MAX)


def _at_once(seed: int, client: str) -> Schedule:
    """Of requests to produce; none stays anywhere."""
    keys, when = frozenset([ApiKey.PRODUCE]), Probability(PRODUCE_RATE, seed)
    request = RandomAction(lambda chance: chance.choice(AT_ONCE), seed)
    return Schedule(
        [
            Rule(request, keys, Direction.REQUEST, client, when=when),
            Rule(RandomAction(for_reply, seed), keys, Direction.REPLY, client, when=when),
        ]
    )


@dataclass(frozen=True)
class Account:
    """What was done: how often by API, direction and action. Of a transaction's ends that came late the broker has
    `accepted` some, which would have ended a later transaction of the same producer."""

    kinds: Counter[tuple[str, str, str]]
    accepted: int
    refused: int

    @classmethod
    def of(cls, events: list[Event]) -> "Account":
        late = [event.error for event in events if is_late_end(event) and event.error is not None]
        accepted = late.count(0)
        return cls(Counter(event.kind for event in events), accepted, len(late) - accepted)

    def lines(self) -> list[str]:
        return [
            *(f"{count:4} × {' '.join(kind)}" for kind, count in sorted(self.kinds.items())),
            f"{self.kinds.total()} requests and replies tampered with; of the ends of transactions that came late the "
            f"broker accepted {self.accepted} and refused {self.refused}",
        ]


def is_late_end(event: Event) -> bool:
    """Whether an EndTxn was kept behind its client's back."""
    action = event.action
    cut = isinstance(action, Hold) and action.close_after_s is not None
    is_request = event.info.direction is Direction.REQUEST
    return event.info.api_key == ApiKey.END_TXN and is_request and (cut or isinstance(action, DuplicateLater))


class TamperedKafka:
    """Served by whoever starts the chaos: the run is given `bootstrap`, judges ask `direct`. It is used by one thread,
    which lives as long as the run."""

    def __init__(self, kafka: ProxiedKafka, seed: int) -> None:
        self._kafka = kafka
        self._seed = seed

    @property
    def bootstrap(self) -> str:
        return self._kafka.bootstrap

    @property
    def direct(self) -> str:
        return self._kafka.direct

    @property
    def listens(self) -> bool:
        return self._kafka.listens

    def kill(self) -> None:
        self._kafka.kill()

    def launch(self) -> None:
        """Again, on the same data; wait till it `listens`."""
        self._kafka.launch()

    def tamper(self) -> None:
        """From now on."""
        self._kafka.proxy.use(schedule(self._seed))

    def calm(self) -> None:
        """No more from now on; what is kept is let go."""
        self._kafka.proxy.use(Schedule())
        self._kafka.proxy.release()

    def account(self) -> Account:
        return Account.of(self._kafka.proxy.events.all())

    def write(self, log: Path) -> None:
        """Everything that was done, a line each."""
        log.write_text("".join(f"{event}\n" for event in self._kafka.proxy.events.all()))

    def faults(self) -> list[str]:
        """What went wrong with the tampering itself, or that there was none."""
        idle = [] if self._kafka.proxy.events.all() else ["nothing was tampered with"]
        return [*idle, *(f"the proxy: {failure}" for failure in self._kafka.proxy.failures)]


@contextmanager
def tampered_kafka(directory: Path, seed: int) -> Iterator[TamperedKafka]:
    """Raises as start_kafka."""
    with proxied_kafka(directory) as kafka:
        yield TamperedKafka(kafka, seed)
