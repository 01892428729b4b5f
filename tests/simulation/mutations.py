"""Mutation operators: each function makes a wrong method of a service from the right one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.labeler.app import LabelerProcessor
from services.labeler.core import Labeler, Output
from services.orderbot.offset_tracker import OffsetTracker
from services.predictor.market.history import MarketView, MarketViews, PriceHistory
from services.predictor.models.follower import Follower
from services.predictor.models.model_slot import ServingModel
from services.trainer.runs.events import RunEventProducer
from services.trainer.runs.ledger import Ledger
from services.trainer.worker import Worker
from tests.simulation.clients import SimAdmin
from tests.simulation.consumer import SimConsumer
from tests.simulation.request_sender import ClientLog
from tidewheel.contracts.codecs.orders import encode_transaction
from tidewheel.contracts.topics import DEAD_LETTERS, TRAINER_GROUP, TRANSACTIONS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.models import Champion, Model, ModelRecord
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunEvent, RunReason, Step
from tidewheel.registry.store import Publication
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.transactional_loop import TransactionalLoop


def commit_one_too_far(right: Callable[[OffsetTracker], int | None]) -> Any:
    def take(tracker: OffsetTracker) -> int | None:
        offset = right(tracker)
        return None if offset is None else offset + 1

    return take


def commit_what_was_received(right: object) -> Any:
    def take(tracker: Any) -> int | None:
        given_before, tracker.given_before = getattr(tracker, "given_before", None), tracker._next_offset
        return None if given_before == tracker._next_offset else tracker._next_offset

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
            loop._processor.process(records)
            loop._policy.on_processed(len(records), loop._clock())
        if loop._policy.should_commit(loop._clock()) and not loop._commit():
            loop._rewind()
        loop._pause(loop._processor.paused())

    return turn


def replaced(right: object) -> Any:
    def rejoin(loop: TransactionalLoop, failure: Exception) -> None:
        raise FatalError(loop._replaced(str(failure)))

    return rejoin


def repeats_are_new(right: Callable[[Labeler, MarketSecond], list[Output]]) -> Any:
    def on_second(labeler: Labeler, second: MarketSecond) -> list[Output]:
        if second.second == labeler._seconds_seen:
            labeler._seconds_seen -= 1
        return right(labeler, second)

    return on_second


def shifted(right: Callable[..., Any]) -> Any:
    return lambda history, placed_ns, *prices: right(history, placed_ns + NS_PER_S, *prices)


def never_give_up(right: object) -> Any:
    def abort_and_retry(loop: TransactionalLoop, failure: Exception) -> None:
        raise failure

    return abort_and_retry


def nothing_rejected(right: Callable[..., Any]) -> Any:
    def on_assigned(processor: LabelerProcessor, partitions: Any, committed: Any) -> Any:
        starts = right(processor, partitions, committed)
        processor._reported_offsets = {}
        return starts

    return on_assigned


def no_letters(right: Callable[..., None]) -> Any:
    def without(events: Any, topic: str, *record: Any, **more: Any) -> None:
        if topic != DEAD_LETTERS.name:
            right(events, topic, *record, **more)

    return without


def without_waiting(right: object) -> Any:
    return lambda partition, topic, instrument: partition._read_offsets[topic]


def stable_ends(right: Callable[..., Any]) -> Any:
    def list_offsets(admin: SimAdmin, asked: Any, **more: Any) -> Any:
        answers = right(admin, asked, **more)
        for place, answer in answers.items():
            answer.result().offset = admin._broker.partitions[place.topic, place.partition].stable_end
        return answers

    return list_offsets


def uncommitted(right: Callable[..., None]) -> Any:
    def init(consumer: SimConsumer, broker: Any, injector: Any, chance: Any, config: Mapping[str, Any]) -> None:
        right(consumer, broker, injector, chance, {**config, "isolation.level": "read_uncommitted"})

    return init


def switched_off(right: object) -> Any:
    return False


def nothing(right: object) -> Any:
    return lambda *_: None


def another_word(right: Callable[[Worker, Any], bool]) -> Any:
    def repeated(worker: Worker, run: Any) -> bool:
        known = right(worker, run)
        if known:
            worker._publish(run, Step.FAILED, "told otherwise before the restart")
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
    def champion(worker: Worker, model: Model, judged: Any) -> Champion | None:
        served = worker._ledger.served(model.instrument)
        return Champion(served.seq, 0, 0) if served else None

    return champion


def twice(partition: Callable[[int], int], key: bytes | None = None) -> Callable[[Any], Any]:
    """Each label once more, on another partition or under another key."""

    def write(right: Callable[..., None]) -> Any:
        def twice(processor: LabelerProcessor, outputs: Sequence[Output], number: int) -> None:
            right(processor, outputs, number)
            for one, _ in outputs:
                other = one.instrument if key is None else key
                processor._outbox.produce(TRANSACTIONS.name, encode_transaction(one), other, partition(number))

        return twice

    return write


def first_model_only(right: Callable[..., None]) -> Any:
    def take(follower: Follower, state: bytes, model: ServingModel) -> None:
        if follower._slots.get(model.instrument) is None:
            right(follower, state, model)

    return take


def older_weights(right: Callable[..., None]) -> Any:
    def take(follower: Follower, state: bytes, model: ServingModel) -> None:
        before = follower._slots.get(model.instrument)
        right(follower, state, replace(model, scorer=before.scorer) if before else model)

    return take


def first_model_again(right: Callable[..., None]) -> Any:
    def take(follower: Any, state: bytes, model: ServingModel) -> None:
        kept = vars(follower).setdefault(f"kept of {model.instrument}", [])
        kept.append(model)
        right(follower, state, kept[0] if len(kept) == 3 else model)

    return take


def first_view_only(right: Callable[[MarketViews, MarketView], None]) -> Any:
    def put(views: MarketViews, view: MarketView) -> None:
        if views.get(view.instrument) is None:
            right(views, view)

    return put


def newest_is_what_came_last(right: Callable[[PriceHistory, MarketSecond, int], None]) -> Any:
    def add(history: PriceHistory, second: MarketSecond, written_at_ns: int) -> None:
        if history._last is not None and second.second <= history._last.second:
            history._last = None
        right(history, second, written_at_ns)

    return add


def nothing_remembered(right: Callable[..., tuple[int, str]]) -> Any:
    return lambda recall, *place: (right(recall, *place)[0], "")


def refuse_all(right: Callable[[Worker, Any], None]) -> Any:
    def gate(worker: Worker, run: Any) -> None:
        right(worker, run)
        if run.candidate is not None and run.reason is None:
            run.reason = RunReason.WORSE_THAN_SERVED

    return gate


def silent(step: Step) -> Callable[[Any], Any]:
    def write(right: Callable[[RunEventProducer, RunEvent], None]) -> Any:
        return lambda events, event: None if event.step is step else right(events, event)

    return write


def without_offsets(right: Callable[[Worker, Any], ModelRecord]) -> Any:
    return lambda worker, run: replace(right(worker, run), first_offset=0, last_offset=0, replay_offset=0)


def another_sha256(right: Callable[..., None]) -> Any:
    def say(worker: Worker, run: Any, step: Step, detail: str, reason: Any = None, result: Any = None) -> None:
        if detail.endswith(" before"):
            result = replace(result, sha256="00" * 32)
        right(worker, run, step, detail, reason, result)

    return say


def trainer_uncommitted(right: Callable[..., None]) -> Any:
    def init(consumer: SimConsumer, broker: Any, injector: Any, chance: Any, config: Mapping[str, Any]) -> None:
        more = {"isolation.level": "read_uncommitted"} if config["group.id"] == TRAINER_GROUP else {}
        right(consumer, broker, injector, chance, {**config, **more})

    return init


def by_count_only(right: object) -> Any:
    return lambda policy, now_s: policy._records >= policy.records_max


def calm_lines(right: Callable[..., None]) -> Any:
    """A log that tells of each end that went well, and of nothing else."""

    def write_line(log: ClientLog, level: int, facility: str, text: str) -> None:
        if " NO_ERROR " in text:
            right(log, level, facility, text)

    return write_line
