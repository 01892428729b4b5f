"""Faults planted into the services, one at a time: proof that the simulation can fail, and how soon it does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from services.ingest import app as ingest_app
from services.labeler.core import Labeler
from services.labeler.history import History
from services.labeler.partition import Partition
from services.labeler.work import LabelerWork
from services.orderbot.progress import Progress
from services.trainer.events import RunEvents
from services.trainer.ledger import Ledger
from services.trainer.service import Service
from services.trainer.worker import Worker
from tests.simulation import runs
from tests.simulation.clients import SimAdmin
from tests.simulation.consumer import SimConsumer
from tests.simulation.orderbots import FaustLike
from tests.simulation.redis_memory import Store
from tests.simulation.runs import Outcome
from tidewheel.contracts.topics import DEAD_LETTERS
from tidewheel.domain.models import Model, ModelRecord, Rival
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import Step
from tidewheel.registry.store import Publication
from tidewheel.runtime.transaction_policy import Answer, Policy
from tidewheel.runtime.transactional import TransactionalLoop


@dataclass(frozen=True)
class Planted:
    """`seed`: the first that finds it, when this was written; a change may make it another."""

    seed: int
    name: str
    plant: Callable[[], AbstractContextManager[Any]]


def _instead(owner: Any, name: str, made: Callable[[Any], Any]) -> Callable[[], AbstractContextManager[Any]]:
    """A method of a class, made from the right one."""
    return lambda: patch.object(owner, name, made(getattr(owner, name)))


def _commit_one_too_far(right: Callable[[Progress], int | None]) -> Any:
    def take(progress: Progress) -> int | None:
        offset = right(progress)
        return None if offset is None else offset + 1

    return take


def _commit_what_came(right: object) -> Any:
    def take(progress: Any) -> int | None:
        told, progress.told = getattr(progress, "told", None), progress._next
        return None if told == progress._next else progress._next

    return take


def _offsets_beside(right: object) -> Any:
    def send(loop: TransactionalLoop, offsets: Any, member: Any, limit_s: float) -> None:
        loop._consumer.commit(offsets=offsets, asynchronous=False)

    return send


def _go_on_after_rebalance(right: object) -> Any:
    def turn(loop: TransactionalLoop) -> None:
        messages = loop._consumer.consume(loop._batch_records_max, loop._wait_s)
        if loop._reassigned:
            loop._resume_assigned()
        if records := loop._records(messages):
            loop._begin()
            loop._work.process(records)
            loop._policy.took(len(records), loop._clock())
        if loop._policy.due(loop._clock()) and not loop._commit():
            loop._rewind()
        loop._hold_back(loop._work.held_back())

    return turn


def _shifted(right: Callable[..., Any]) -> Any:
    return lambda history, placed_ns, *prices: right(history, placed_ns + NS_PER_S, *prices)


def _never_abort(right: Callable[..., Answer]) -> Any:
    def answer(policy: Policy, failure: Any, tried_for_s: float) -> Answer:
        found = right(policy, failure, tried_for_s)
        return Answer.RAISE if found is Answer.ABORT else found

    return answer


def _nothing_set_aside(right: Callable[..., Any]) -> Any:
    def restore(work: LabelerWork, partitions: Any, committed: Any) -> Any:
        starts = right(work, partitions, committed)
        work._set_aside = {}
        return starts

    return restore


def _no_letters(right: Callable[..., None]) -> Any:
    return lambda events, topic, *record: None if topic == DEAD_LETTERS.name else right(events, topic, *record)


def _take_repeats(right: object) -> Any:
    def on_second(labeler: Labeler, second: Any) -> Any:
        labeler._seconds_seen = max(labeler._seconds_seen, second.second)
        labeler._seconds.append(second)
        return labeler._advance()

    return on_second


def _without_waiting(right: object) -> Any:
    return lambda partition, topic, instrument: partition._read[topic]


def _stable_ends(right: Callable[..., Any]) -> Any:
    def list_offsets(admin: SimAdmin, asked: Any, **more: Any) -> Any:
        answers = right(admin, asked, **more)
        for place, answer in answers.items():
            answer.result().offset = admin._broker.partitions[place.topic, place.partition].stable_end
        return answers

    return list_offsets


def _uncommitted(right: Callable[..., None]) -> Any:
    def init(consumer: SimConsumer, broker: Any, stage: Any, chance: Any, config: Mapping[str, Any]) -> None:
        right(consumer, broker, stage, chance, {**config, "isolation.level": "read_uncommitted"})

    return init


@contextmanager
def _no_fence() -> Iterator[None]:
    """The script forgets to compare, and neither does the trainer ask what was published before."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Store, "fence_default", False))
        stack.enter_context(patch.object(Worker, "_repeated", lambda worker, run: False))
        yield


def _nothing(right: object) -> Any:
    return lambda *_: None


def _another_word(right: Callable[[Worker, Any], bool]) -> Any:
    def repeated(worker: Worker, run: Any) -> bool:
        known = right(worker, run)
        if known:
            worker._say(run, Step.FAILED, "told otherwise before the restart")
        return known

    return repeated


def _no_jobs(right: object) -> Any:
    return lambda service: []


def _bytes_forgotten(right: object) -> Any:
    def publish_candidate(ledger: Ledger, candidate: Any, record: ModelRecord) -> Publication:
        ledger.put_record(record)
        return Publication.PUBLISHED

    return publish_candidate


def _whoever_serves(right: object) -> Any:
    def rival(worker: Worker, model: Model, judged: Any) -> Rival | None:
        served = worker._ledger.served(model.instrument)
        return Rival(served.seq, 0, 0) if served else None

    return rival


PLANTED = (
    Planted(1, "orderbot: commits one record too far", _instead(Progress, "take_committable", _commit_one_too_far)),
    Planted(
        1, "orderbot: commits what came, delivered or not", _instead(Progress, "take_committable", _commit_what_came)
    ),
    Planted(46, "orderbot: sends on behind a record that was given up", _instead(FaustLike, "give_up", _nothing)),
    Planted(0, "ingest: does not look at its log", lambda: patch.object(ingest_app, "last_second", lambda *_: None)),
    Planted(2, "labeler: goes on after an abort without going back", _instead(TransactionalLoop, "_rewind", _nothing)),
    Planted(
        16, "labeler: offsets beside the transaction", _instead(TransactionalLoop, "_send_offsets", _offsets_beside)
    ),
    Planted(
        0, "labeler: takes records from before a rebalance", _instead(TransactionalLoop, "turn", _go_on_after_rebalance)
    ),
    Planted(2, "labeler: ends where an abort would do", _instead(Policy, "answer", _never_abort)),
    Planted(16, "labeler: forgets what was set aside", _instead(LabelerWork, "restore", _nothing_set_aside)),
    Planted(7, "trainer: a bad record is passed over", _instead(RunEvents, "produce", _no_letters)),
    Planted(22, "labeler: a repeated second is not passed over", _instead(Labeler, "on_second", _take_repeats)),
    Planted(2, "labeler: writes again what is written", _instead(Labeler, "replay_to", _nothing)),
    Planted(2, "labeler: a snapshot forgets what waits", _instead(Partition, "_first_waiting", _without_waiting)),
    Planted(
        0, "labeler: no state in the transaction", _instead(Partition, "complete", lambda right: lambda _: iter(()))
    ),
    Planted(0, "labeler: features one second late", _instead(History, "cut", _shifted)),
    Planted(7, "labeler: state read to the stable end only", _instead(SimAdmin, "list_offsets", _stable_ends)),
    Planted(0, "all: uncommitted records are read", _instead(SimConsumer, "__init__", _uncommitted)),
    Planted(4, "trainer: commits past unfinished windows", _instead(Service, "_unfinished", _no_jobs)),
    Planted(7, "trainer: another word on a window after a restart", _instead(Worker, "_repeated", _another_word)),
    Planted(1, "trainer: a candidate without its bytes", _instead(Ledger, "publish_candidate", _bytes_forgotten)),
    Planted(0, "trainer: a model judged beside itself or a later one", _instead(Worker, "_rival", _whoever_serves)),
    Planted(7, "registry: no fence", _no_fence),
)


def find(planted: Planted, seeds: Iterable[int]) -> Outcome | None:
    """The first run that finds it."""
    with planted.plant():
        for seed in seeds:
            outcome = runs.run(seed)
            if outcome.failure:
                return outcome
    return None
