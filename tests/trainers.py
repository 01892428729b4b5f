"""Trainers for tests: rows that are easy to learn, what runs over them must come to, and services that run or die."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count as count_from
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from services.trainer.app import TrainerApp
from services.trainer.core import train_candidate
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.no_model import NoModelError
from services.trainer.promotion import bets, scorecard
from services.trainer.promotion.gate import Promotion
from services.trainer.runs.jobs import KEPT_REASONS
from services.trainer.search.config import TrainingConfig
from services.trainer.settings import Settings
from services.trainer.windows.count_windows import Window
from services.trainer.windows.memory import RememberedSample
from tests import promotion_rules, service_under_test
from tests.service_under_test import context_of, patiently, produce
from tests.synthetic_rows import examples
from tidewheel.contracts.codecs.orders import encode_example
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import EXAMPLES, TRAINER_GROUP, TRAINING_RUNS
from tidewheel.domain.account import Account
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Champion, Model, ModelRecord, Scorecard, Verdict
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunEvent, RunReason, verdict_of
from tidewheel.domain.windows import Windowing
from tidewheel.evidence import pooling
from tidewheel.registry.store import Registry
from tidewheel.runtime import kafka

INSTRUMENT = "sim:BTC-USD"
SIZE = 300
POLL_EVERY_S = 0.3


def easy_rows(count: int, seed: int = 1) -> Rows:
    """Rows a fifth of a second apart, resolved within a second, whose label shows in many features."""
    chance = np.random.default_rng(seed)
    hidden = chance.standard_normal(count)
    features = chance.standard_normal((count, FEATURE_COUNT)).astype(np.float32)
    features[:, 5:300] += hidden[:, np.newaxis].astype(np.float32)
    seqs = np.arange(1, count + 1)
    placed = 1_700_000_000 * NS_PER_S + seqs * (NS_PER_S // 5)
    label = (hidden + chance.standard_normal(count) * 0.5 > 0).astype(np.uint8)
    return Rows(features, label, placed, placed + NS_PER_S, seqs, seqs, np.where(label == 1, 5, -5))


def one_class(rows: Rows, first: int, end: int) -> Rows:
    """The same rows with LOSS only from row `first` to before `end`."""
    label = rows.label.copy()
    label[first:end] = 0
    return replace(rows, label=label)


@dataclass(frozen=True)
class Ended:
    """What became of one window, without anything of the wall clock."""

    verdict: Verdict
    reason: str
    sha256: str
    evidence: str
    scorecard: Scorecard | None
    champion: Champion | None = None

    @classmethod
    def of(cls, record: ModelRecord) -> "Ended":
        card = without_baseline(record.scorecard)
        return cls(record.verdict, record.reason, record.sha256, record.evidence, card, record.champion)


def without_baseline(card: Scorecard | None) -> Scorecard | None:
    """What of a scorecard a restart cannot change: the online baseline begins anew with each process."""
    return replace(card, baseline=None) if card else None


def expected(rows: Rows, settings: Settings, partition: int, first_offset: int = 0) -> dict[int, Ended]:
    """What the runs over rows without a fault must come to, by a plain loop over windows."""
    config, promotion = settings.training(), Promotion(settings.promotion)
    windowing = config.windowing
    ended: dict[int, Ended] = {}
    served: Model | None = None
    previous: Model | None = None
    account, kept, remembered = Account(), dict[int, Model](), dict[int, RememberedSample]()
    for seq in range(1, windowing.closed_by(len(rows)) + 1):
        first, end = windowing.first_example_seq(seq) - 1, windowing.last_example_seq(seq)
        offsets = first_offset + first, first_offset + end - 1
        memory = tuple(remembered[one] for one in windows_before(seq, windowing, config.memory))
        window = Window(INSTRUMENT, seq, partition, *offsets, rows.take(slice(first, end)), memory)
        remembered[seq] = window.remembered()
        if previous is not None:
            judged = scorecard.rows_after(previous, window.rows)
            champion = promotion_rules.champion_on(served, judged) if served is not previous else None
            account = bets.settle(account, previous, window, kept.get)
            card = replace(scorecard.score(previous, judged), account=account)
            ended[seq - 1] = replace(ended[seq - 1], scorecard=card, champion=champion)
        cards = [one.scorecard for _, one in sorted(ended.items(), reverse=True) if one.scorecard]
        weighed = pooling.pool_scorecards(cards).evidence
        newest = max((one for one, found in ended.items() if found.verdict is Verdict.PUBLISHED), default=0)
        pairs = [(found.scorecard, found.champion) for one, found in ended.items() if found.scorecard and one > newest]
        proven = promotion is Promotion.FRESH or promotion_rules.proven(pairs[::-1], served.seq if served else None)
        model, sha256, reason = _made(window, config, served, proven)
        ended[seq] = Ended(verdict_of(reason), reason or "", sha256, weighed, None)
        served = served if reason else model
        if model is not None and reason in KEPT_REASONS:
            kept[seq] = model
        previous = model
    return ended


def windows_before(seq: int, windowing: Windowing, memory: int) -> list[int]:
    """The windows before one that a model of it is made of too: the nearest that share no row, oldest first."""
    found: list[int] = []
    begins = windowing.first_example_seq(seq)
    for one in range(seq - 1, 0, -1):
        if len(found) + 1 < memory and windowing.last_example_seq(one) < begins:
            found.insert(0, one)
            begins = windowing.first_example_seq(one)
    return found


def _made(
    window: Window, config: TrainingConfig, served: Model | None, proven: bool
) -> tuple[Model | None, str, RunReason | None]:
    try:
        with threadpool_limits(1):  # the bits of a sum depend on the number of threads
            candidate = train_candidate(window, config, lambda event: None)
    except NoModelError as refusal:
        return None, "", refusal.reason
    worse = promotion_rules.worse_than_served(candidate.holdout_model, served, candidate.test)
    reason = RunReason.WORSE_THAN_SERVED if worse else None if proven else RunReason.NOT_PROVEN
    return candidate.model, candidate.sha256, reason


def settings(broker: str, redis: str, **more: Any) -> Settings:
    return Settings(kafka=broker, redis=redis, **{"window": SIZE, "trials": 2, **more})


def publish(broker: str, rows: Rows, instrument: str = INSTRUMENT, partition: int = 0) -> None:
    """Write rows to topic examples."""
    send(broker, [encode_example(example) for example in examples(rows, instrument)], instrument, partition)


def send(broker: str, payloads: list[bytes], instrument: str = INSTRUMENT, partition: int = 0) -> None:
    """Write anything to topic examples."""
    produce(broker, EXAMPLES.name, [(instrument, payload) for payload in payloads], partition)


def events(broker: str) -> list[RunEvent]:
    """All of topic training-runs."""
    messages = patiently(lambda: list(kafka.read_to_end(broker, TRAINING_RUNS.name)))
    return [decode_run_event(message.value()) for message in messages]


def closings(broker: str) -> dict[int, RunEvent]:
    """Window -> the first event that ended it. Repeats must say the same."""
    found: dict[int, RunEvent] = {}
    for event in events(broker):
        if event.step.verdict:
            known = found.setdefault(event.seq, event)
            assert event.result is not None
            assert known.result is not None
            assert (event.step, event.reason, event.result.sha256) == (known.step, known.reason, known.result.sha256)
    return found


def records(redis: str) -> dict[int, Ended]:
    """Window -> what the registry says became of it."""
    registry = Registry.connect(redis)
    try:
        found = registry.records(INSTRUMENT)
        return {record.seq: Ended.of(record) for record in found if isinstance(record, ModelRecord)}
    finally:
        registry.close()


def committed(broker: str, partition: int = 0) -> int:
    """The offset a restart begins from; negative where none is."""
    return service_under_test.committed(broker, TRAINER_GROUP, EXAMPLES.name).get(partition, -1)


def forget_offsets(broker: str, partition: int = 0, at: int = 0) -> None:
    """Let the next trainer read the topic from its beginning, or from an offset, and remember nothing before it."""
    service_under_test.commit(broker, TRAINER_GROUP, EXAMPLES.name, partition, at)


class Trainer:
    """A trainer whose loop is turned by the test."""

    def __init__(self, given: Settings) -> None:
        context = context_of("trainer")
        self.health, self.stop = context.health, context.stop
        self.service = TrainerApp(given, context)
        self._closed = False

    def step_until(self, true: Callable[[], bool]) -> None:
        service_under_test.step_until(self.service.poll_once, true, POLL_EVERY_S)

    def idle(self) -> bool:
        """Nothing is in hand and nothing waits."""
        return self.service.idle

    def end(self) -> None:
        """As SIGTERM ends it."""
        self.stop.set()
        try:
            self.service.run()
        finally:
            self.close()

    def close(self) -> None:
        """Let go without another commit, as a crash would; a no-op the second time."""
        if not self._closed:
            self._closed = True
            self.service.end_training()
            self.service.close()


@contextmanager
def running() -> Iterator[Callable[[Settings], Trainer]]:
    """Starts trainers; those still there at the end are closed."""
    with threadpool_limits(1), service_under_test.starting(Trainer, Trainer.close) as begin:
        yield begin


class Killed(BaseException):
    """What a crash at some point looks like from inside."""


def finished(broker: str, windows: int) -> Callable[[], bool]:
    return lambda: len(closings(broker)) >= windows


def die_at(patch: pytest.MonkeyPatch, owner: type, name: str, call: int, *, after: bool) -> None:
    """Let the `call`th call of a method be the last thing that happens, or the last that does not."""
    real, calls = getattr(owner, name), count_from(1)

    def dying(self: object, *arguments: object) -> object:
        last = next(calls) == call
        if last and not after:
            raise Killed
        result = real(self, *arguments)
        if last:
            raise Killed
        return result

    patch.setattr(owner, name, dying)
