"""Faults planted into the services, one at a time: proof that the simulation can fail, and how soon it does."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from services.ingest import app as ingest_app
from services.ingest.publisher import Publisher
from services.labeler.core import Labeler, Output
from services.labeler.history import History
from services.labeler.partition import Partition
from services.labeler.work import LabelerWork
from services.orderbot.progress import Progress
from services.predictor.model_slot import ServingModel
from services.predictor.watcher import Watcher
from services.trainer import scorecard
from services.trainer.events import RunEvents
from services.trainer.ledger import Ledger
from services.trainer.reasons import RunReason
from services.trainer.service import Service
from services.trainer.worker import Worker
from tests.simulation import runs
from tests.simulation.clients import SimAdmin
from tests.simulation.consumer import SimConsumer
from tests.simulation.orderbots import FaustLike
from tests.simulation.redis_memory import Store
from tests.simulation.runs import Outcome
from tidewheel.contracts.codecs.orders import encode_transaction
from tidewheel.contracts.topics import DEAD_LETTERS, TRAINER_GROUP, TRANSACTIONS
from tidewheel.domain.models import Model, ModelRecord, Rival
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunEvent, Step
from tidewheel.registry.store import Publication
from tidewheel.runtime.transaction_policy import Answer, Policy
from tidewheel.runtime.transactional import TransactionalLoop


@dataclass(frozen=True)
class Planted:
    """`seed`: the first that finds it, when this was written; a change may make it another. `found_as`: words of its
    failure, the checker's name where one finds it; a run that fails in other words has not found it."""

    seed: int
    name: str
    found_as: str
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


def _twice(partition: Callable[[int], int], key: bytes | None = None) -> Callable[[Any], Any]:
    """Each label once more, on another partition or under another key."""

    def write(right: Callable[..., None]) -> Any:
        def twice(work: LabelerWork, outputs: Sequence[Output], number: int) -> None:
            right(work, outputs, number)
            for one, _ in outputs:
                other = one.instrument if key is None else key
                work._outbox.produce(TRANSACTIONS.name, encode_transaction(one), other, partition(number))

        return twice

    return write


def _first_model_only(right: Callable[..., None]) -> Any:
    def swap(watcher: Watcher, model: ServingModel, before: ServingModel | None) -> None:
        if before is None:
            right(watcher, model, before)

    return swap


def _older_weights(right: Callable[..., None]) -> Any:
    def swap(watcher: Watcher, model: ServingModel, before: ServingModel | None) -> None:
        right(watcher, replace(model, scorer=before.scorer) if before else model, before)

    return swap


def _first_model_again(right: Callable[..., None]) -> Any:
    def swap(watcher: Any, model: ServingModel, before: ServingModel | None) -> None:
        kept = vars(watcher).setdefault(f"kept of {model.instrument}", [])
        kept.append(model)
        right(watcher, kept[0] if len(kept) == 3 else model, before)

    return swap


def _refuse_all(right: Callable[[Worker, Any], None]) -> Any:
    def gate(worker: Worker, run: Any) -> None:
        right(worker, run)
        if run.candidate is not None and run.reason is None:
            run.reason = RunReason.WORSE_THAN_SERVED

    return gate


def _silent(step: Step) -> Callable[[Any], Any]:
    def write(right: Callable[[RunEvents, RunEvent], None]) -> Any:
        return lambda events, event: None if event.step is step else right(events, event)

    return write


def _without_offsets(right: Callable[[Worker, Any], ModelRecord]) -> Any:
    return lambda worker, run: replace(right(worker, run), first_offset=0, last_offset=0)


def _another_sha256(right: Callable[..., None]) -> Any:
    def say(worker: Worker, run: Any, step: Step, detail: str, reason: Any = None, result: Any = None) -> None:
        if detail.endswith(" before"):
            result = replace(result, sha256="00" * 32)
        right(worker, run, step, detail, reason, result)

    return say


def _trainer_uncommitted(right: Callable[..., None]) -> Any:
    def init(consumer: SimConsumer, broker: Any, stage: Any, chance: Any, config: Mapping[str, Any]) -> None:
        more = {"isolation.level": "read_uncommitted"} if config["group.id"] == TRAINER_GROUP else {}
        right(consumer, broker, stage, chance, {**config, **more})

    return init


def _by_count_only(right: object) -> Any:
    return lambda policy, now_s: policy._records >= policy.records_max


PLANTED = (
    Planted(
        5,
        "orderbot: commits one record too far",
        "orders: ",
        _instead(Progress, "take_committable", _commit_one_too_far),
    ),
    Planted(
        2,
        "orderbot: commits what came, delivered or not",
        "orders: ",
        _instead(Progress, "take_committable", _commit_what_came),
    ),
    Planted(
        5,
        "orderbot: sends on behind a record that was given up",
        "orders: ",
        _instead(FaustLike, "give_up", _nothing),
    ),
    Planted(
        10,
        "ingest: does not look at its log",
        "seconds: ",
        lambda: patch.object(ingest_app, "last_second", lambda *_: None),
    ),
    Planted(
        9,
        "labeler: goes on after an abort without going back",
        "labels: ",
        _instead(TransactionalLoop, "_rewind", _nothing),
    ),
    Planted(
        9,
        "labeler: offsets beside the transaction",
        "labels: ",
        _instead(TransactionalLoop, "_send_offsets", _offsets_beside),
    ),
    Planted(
        0,
        "labeler: takes records from before a rebalance",
        "NotTakenUp: a record of ",
        _instead(TransactionalLoop, "turn", _go_on_after_rebalance),
    ),
    Planted(
        2,
        "labeler: ends where an abort would do",
        "Kafka cannot be used (_STATE)",
        _instead(Policy, "answer", _never_abort),
    ),
    Planted(
        16,
        "labeler: forgets what was set aside",
        "strangers: ",
        _instead(LabelerWork, "restore", _nothing_set_aside),
    ),
    Planted(7, "trainer: a bad record is passed over", "strangers: ", _instead(RunEvents, "produce", _no_letters)),
    Planted(
        46,
        "labeler: a repeated second is not passed over",
        "labels: ",
        _instead(Labeler, "on_second", _take_repeats),
    ),
    Planted(3, "labeler: writes again what is written", "labels: ", _instead(Labeler, "replay_to", _nothing)),
    Planted(
        3,
        "labeler: a snapshot forgets what waits",
        "labels made again up to second ",
        _instead(Partition, "_first_waiting", _without_waiting),
    ),
    Planted(
        0,
        "labeler: no state in the transaction",
        "labels: ",
        _instead(Partition, "complete", lambda right: lambda _: iter(())),
    ),
    Planted(0, "labeler: features one second late", "labels: ", _instead(History, "cut", _shifted)),
    Planted(
        31, "labeler: state read to the stable end only", "labels: ", _instead(SimAdmin, "list_offsets", _stable_ends)
    ),
    Planted(9, "all: uncommitted records are read", "labels: ", _instead(SimConsumer, "__init__", _uncommitted)),
    Planted(4, "trainer: commits past unfinished windows", "windows: ", _instead(Service, "_unfinished", _no_jobs)),
    Planted(
        4,
        "trainer: another word on a window after a restart",
        "windows: ",
        _instead(Worker, "_repeated", _another_word),
    ),
    Planted(
        1,
        "trainer: a candidate without its bytes",
        "windows: ",
        _instead(Ledger, "publish_candidate", _bytes_forgotten),
    ),
    Planted(
        0,
        "trainer: a model judged beside itself or a later one",
        "promotions: ",
        _instead(Worker, "_rival", _whoever_serves),
    ),
    Planted(33, "registry: no fence", "windows: ", _no_fence),
    Planted(1, "ingest: sets nothing aside", "dead_letters: ", _instead(Publisher, "rejected", _nothing)),
    Planted(
        0,
        "labeler: every label on the other partition too",
        "strays: ",
        _instead(LabelerWork, "_write", _twice(lambda number: 1 - number)),
    ),
    Planted(
        0,
        "labeler: every label under an empty key too",
        "strays: ",
        _instead(LabelerWork, "_write", _twice(lambda number: number, b"")),
    ),
    Planted(
        0,
        "labeler: commits when there is much, not when time has passed",
        "nothing_left_open: ",
        _instead(Policy, "due", _by_count_only),
    ),
    Planted(
        2,
        "trainer: uncommitted examples are read",
        "causality: ",
        _instead(SimConsumer, "__init__", _trainer_uncommitted),
    ),
    Planted(
        0,
        "trainer: does not say that a window closed",
        "windows: ",
        _instead(RunEvents, "write", _silent(Step.WINDOW_CLOSED)),
    ),
    Planted(0, "trainer: records without offsets", "windows: ", _instead(Worker, "_record", _without_offsets)),
    Planted(12, "trainer: another sha256 after a restart", "windows: ", _instead(Worker, "_say", _another_sha256)),
    Planted(0, "trainer: refuses every model", "rulings: ", _instead(Worker, "_gate", _refuse_all)),
    Planted(
        4, "trainer: forgets what was judged", "rulings: ", _instead(Ledger, "judged", lambda right: lambda *_: [])
    ),
    Planted(0, "trainer: no scorecard in the registry", "scorecards: ", _instead(Ledger, "put_scorecard", _nothing)),
    Planted(0, "trainer: no event of a scorecard", "scorecards: ", _instead(RunEvents, "write", _silent(Step.SCORED))),
    Planted(
        0,
        "trainer: a model judged on rows placed before its window closed",
        "scorecards: ",
        _instead(scorecard, "rows_after", lambda right: lambda _, following: following),
    ),
    Planted(14, "trainer: a model judged beside nothing", "scorecards: ", _instead(Worker, "_rival", _nothing)),
    Planted(0, "predictor: never looks at the registry", "serving: ", _instead(Watcher, "turn", _nothing)),
    Planted(0, "predictor: keeps its first model", "serving: ", _instead(Watcher, "_swap", _first_model_only)),
    Planted(0, "predictor: new names on old weights", "by other weights", _instead(Watcher, "_swap", _older_weights)),
    Planted(
        7,
        "predictor: goes back to its first model for a while",
        "pointers: ",
        _instead(Watcher, "_swap", _first_model_again),
    ),
)


def find(planted: Planted, seeds: Iterable[int]) -> Outcome | None:
    """The first run that fails with it, be it for another reason."""
    with planted.plant():
        for seed in seeds:
            outcome = runs.run(seed)
            if outcome.failure:
                return outcome
    return None
