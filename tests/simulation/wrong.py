"""What the services do wrong where a fault is planted: each function makes a wrong method from the right one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from services.labeler.core import Output
from services.labeler.work import LabelerWork
from services.orderbot.progress import Progress
from services.predictor.model_slot import ServingModel
from services.predictor.watcher import Watcher
from services.trainer.events import RunEvents
from services.trainer.ledger import Ledger
from services.trainer.reasons import RunReason
from services.trainer.worker import Worker
from tests.simulation.clients import SimAdmin
from tests.simulation.consumer import SimConsumer
from tests.simulation.redis_memory import Store
from tests.simulation.sending import ClientLog
from tidewheel.contracts.codecs.orders import encode_transaction
from tidewheel.contracts.topics import DEAD_LETTERS, TRAINER_GROUP, TRANSACTIONS
from tidewheel.domain.models import Model, ModelRecord, Rival
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunEvent, Step
from tidewheel.registry.store import Publication
from tidewheel.runtime.process import Unusable
from tidewheel.runtime.transactional import TransactionalLoop


def instead(owner: Any, name: str, made: Callable[[Any], Any]) -> Callable[[], AbstractContextManager[Any]]:
    """A method of a class, made from the right one."""
    return lambda: patch.object(owner, name, made(getattr(owner, name)))


def commit_one_too_far(right: Callable[[Progress], int | None]) -> Any:
    def take(progress: Progress) -> int | None:
        offset = right(progress)
        return None if offset is None else offset + 1

    return take


def commit_what_came(right: object) -> Any:
    def take(progress: Any) -> int | None:
        told, progress.told = getattr(progress, "told", None), progress._next
        return None if told == progress._next else progress._next

    return take


def offsets_beside(right: object) -> Any:
    def send(loop: TransactionalLoop, offsets: Any, member: Any, limit_s: float) -> None:
        loop._consumer.commit(offsets=offsets, asynchronous=False)

    return send


def go_on_after_rebalance(right: object) -> Any:
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


def replaced(right: object) -> Any:
    def join_again(loop: TransactionalLoop, failure: Exception) -> None:
        raise Unusable(loop._replaced(str(failure)))

    return join_again


def shifted(right: Callable[..., Any]) -> Any:
    return lambda history, placed_ns, *prices: right(history, placed_ns + NS_PER_S, *prices)


def never_give_up(right: object) -> Any:
    def start_over(loop: TransactionalLoop, failure: Exception) -> None:
        raise failure

    return start_over


def nothing_set_aside(right: Callable[..., Any]) -> Any:
    def restore(work: LabelerWork, partitions: Any, committed: Any) -> Any:
        starts = right(work, partitions, committed)
        work._set_aside = {}
        return starts

    return restore


def no_letters(right: Callable[..., None]) -> Any:
    return lambda events, topic, *record: None if topic == DEAD_LETTERS.name else right(events, topic, *record)


def without_waiting(right: object) -> Any:
    return lambda partition, topic, instrument: partition._read[topic]


def stable_ends(right: Callable[..., Any]) -> Any:
    def list_offsets(admin: SimAdmin, asked: Any, **more: Any) -> Any:
        answers = right(admin, asked, **more)
        for place, answer in answers.items():
            answer.result().offset = admin._broker.partitions[place.topic, place.partition].stable_end
        return answers

    return list_offsets


def uncommitted(right: Callable[..., None]) -> Any:
    def init(consumer: SimConsumer, broker: Any, stage: Any, chance: Any, config: Mapping[str, Any]) -> None:
        right(consumer, broker, stage, chance, {**config, "isolation.level": "read_uncommitted"})

    return init


@contextmanager
def no_fence() -> Iterator[None]:
    """The script forgets to compare, and neither does the trainer ask what was published before."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Store, "fence_default", False))
        stack.enter_context(patch.object(Worker, "_repeated", lambda worker, run: False))
        yield


def nothing(right: object) -> Any:
    return lambda *_: None


def another_word(right: Callable[[Worker, Any], bool]) -> Any:
    def repeated(worker: Worker, run: Any) -> bool:
        known = right(worker, run)
        if known:
            worker._say(run, Step.FAILED, "told otherwise before the restart")
        return known

    return repeated


def no_jobs(right: object) -> Any:
    return lambda service: []


def bytes_forgotten(right: object) -> Any:
    def publish_candidate(ledger: Ledger, candidate: Any, record: ModelRecord) -> Publication:
        ledger.put_record(record)
        return Publication.PUBLISHED

    return publish_candidate


def whoever_serves(right: object) -> Any:
    def rival(worker: Worker, model: Model, judged: Any) -> Rival | None:
        served = worker._ledger.served(model.instrument)
        return Rival(served.seq, 0, 0) if served else None

    return rival


def twice(partition: Callable[[int], int], key: bytes | None = None) -> Callable[[Any], Any]:
    """Each label once more, on another partition or under another key."""

    def write(right: Callable[..., None]) -> Any:
        def twice(work: LabelerWork, outputs: Sequence[Output], number: int) -> None:
            right(work, outputs, number)
            for one, _ in outputs:
                other = one.instrument if key is None else key
                work._outbox.produce(TRANSACTIONS.name, encode_transaction(one), other, partition(number))

        return twice

    return write


def first_model_only(right: Callable[..., None]) -> Any:
    def swap(watcher: Watcher, model: ServingModel, before: ServingModel | None) -> None:
        if before is None:
            right(watcher, model, before)

    return swap


def older_weights(right: Callable[..., None]) -> Any:
    def swap(watcher: Watcher, model: ServingModel, before: ServingModel | None) -> None:
        right(watcher, replace(model, scorer=before.scorer) if before else model, before)

    return swap


def first_model_again(right: Callable[..., None]) -> Any:
    def swap(watcher: Any, model: ServingModel, before: ServingModel | None) -> None:
        kept = vars(watcher).setdefault(f"kept of {model.instrument}", [])
        kept.append(model)
        right(watcher, kept[0] if len(kept) == 3 else model, before)

    return swap


def nothing_remembered(right: Callable[..., tuple[int, str]]) -> Any:
    return lambda recall, *place: (right(recall, *place)[0], "")


def refuse_all(right: Callable[[Worker, Any], None]) -> Any:
    def gate(worker: Worker, run: Any) -> None:
        right(worker, run)
        if run.candidate is not None and run.reason is None:
            run.reason = RunReason.WORSE_THAN_SERVED

    return gate


def silent(step: Step) -> Callable[[Any], Any]:
    def write(right: Callable[[RunEvents, RunEvent], None]) -> Any:
        return lambda events, event: None if event.step is step else right(events, event)

    return write


def without_offsets(right: Callable[[Worker, Any], ModelRecord]) -> Any:
    return lambda worker, run: replace(right(worker, run), first_offset=0, last_offset=0)


def another_sha256(right: Callable[..., None]) -> Any:
    def say(worker: Worker, run: Any, step: Step, detail: str, reason: Any = None, result: Any = None) -> None:
        if detail.endswith(" before"):
            result = replace(result, sha256="00" * 32)
        right(worker, run, step, detail, reason, result)

    return say


def trainer_uncommitted(right: Callable[..., None]) -> Any:
    def init(consumer: SimConsumer, broker: Any, stage: Any, chance: Any, config: Mapping[str, Any]) -> None:
        more = {"isolation.level": "read_uncommitted"} if config["group.id"] == TRAINER_GROUP else {}
        right(consumer, broker, stage, chance, {**config, **more})

    return init


def by_count_only(right: object) -> Any:
    return lambda policy, now_s: policy._records >= policy.records_max


def calm_lines(right: Callable[..., None]) -> Any:
    """A log that tells of each end that went well, and of nothing else."""

    def line(log: ClientLog, level: int, facility: str, text: str) -> None:
        if " NO_ERROR " in text:
            right(log, level, facility, text)

    return line
