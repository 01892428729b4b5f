"""The trainer on a real broker and a real Redis: every window ends once, whatever happens to it."""

import os
import signal
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.trainer.app import TrainerApp
from services.trainer.runs.events import RunEventProducer
from services.trainer.runs.ledger import Ledger
from services.trainer.worker import Worker
from tests.predictors import metric_value
from tests.synthetic_rows import examples
from tests.trainers import (
    INSTRUMENT,
    POLL_EVERY_S,
    SIZE,
    Killed,
    closings,
    committed,
    die_at,
    easy_rows,
    events,
    expected,
    finished,
    forget_offsets,
    one_class,
    publish,
    records,
    running,
    send,
    settings,
    without_baseline,
)
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import decode_dead_letter
from tidewheel.contracts.codecs.orders import encode_example
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.contracts.topics import DEAD_LETTERS, TRAINING_RUNS
from tidewheel.domain.models import ModelRecord, Verdict
from tidewheel.domain.training import Step
from tidewheel.local.processes.subprocesses import kill_group, start
from tidewheel.registry.store import Registry
from tidewheel.runtime.kafka import read_to_end

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]
ROWS = easy_rows(4 * SIZE + 50)


def test_windows_become_models(broker: str, empty_redis: str, registry: Registry) -> None:
    given = settings(broker, empty_redis)
    publish(broker, ROWS)
    with running() as begin:
        trainer = begin(given)
        assert not trainer.health.readiness()[0]
        trainer.step_until(lambda: committed(broker) == 4 * SIZE)
        assert trainer.health.readiness()[0]
        trainer.end()
    wanted = expected(ROWS, given, partition=0)
    assert records(empty_redis) == wanted
    assert {one.verdict for one in wanted.values()} == {Verdict.PUBLISHED}
    pointer = registry.current(INSTRUMENT)
    assert pointer is not None
    assert (pointer.seq, pointer.sha256) == (4, wanted[4].sha256)
    record = registry.record_of(INSTRUMENT, 4)
    assert record is not None
    assert (record.first_offset, record.last_offset) == (3 * SIZE, 4 * SIZE - 1)
    cards = [one.scorecard for one in registry.records(INSTRUMENT) if isinstance(one, ModelRecord) and one.scorecard]
    assert [card.baseline.rows == card.rows for card in cards if card.baseline] == [True] * 3
    # What is left over of the topic is read again after a restart.
    assert committed(broker) == 4 * SIZE


def test_state_changes_go_out_in_order(broker: str, empty_redis: str) -> None:
    publish(broker, ROWS.take(slice(0, 2 * SIZE)))
    with running() as begin:
        begin(settings(broker, empty_redis)).step_until(lambda: committed(broker) == 2 * SIZE)
    found_events = events(broker)
    own = [Step.WINDOW_CLOSED, Step.VALIDATED, Step.SPLIT, Step.TRIAL, Step.TRIAL, Step.SELECTED]
    assert [(event.seq, event.step) for event in found_events] == [
        *((1, step) for step in (*own, Step.GATE, Step.PUBLISHED)),
        *((2, step) for step in own),
        (1, Step.SCORED),
        *((2, step) for step in (Step.GATE, Step.PUBLISHED)),
    ]
    assert all(event.at_ns > 0 for event in found_events)
    assert all(event.at_ns >= before.at_ns for before, event in pairwise(found_events))
    closed, ended = found_events[0], found_events[7]
    assert (closed.first_example_seq, closed.last_example_seq, closed.trials_planned) == (1, SIZE, 2)
    assert ended.window_closed_at_ns == closed.window_closed_at_ns <= closed.at_ns
    result = ended.result
    assert result is not None
    assert (result.verdict, result.evidence, result.trials) == ("published", "none", 2)
    assert result.validation is not None
    assert result.test is not None
    assert result.validation.recall >= 0.25
    assert 0 < result.tuning_s < result.window_closed_to_published_s
    messages = list(read_to_end(broker, TRAINING_RUNS.name))
    assert {message.key() for message in messages} == {INSTRUMENT.encode()}


def test_a_smaller_step_refreshes_sooner(broker: str, empty_redis: str) -> None:
    given = settings(broker, empty_redis, step=100)
    publish(broker, ROWS.take(slice(0, 2 * SIZE)))
    with running() as begin:
        begin(given).step_until(finished(broker, 4))
    assert records(empty_redis) == expected(ROWS.take(slice(0, 2 * SIZE)), given, partition=0)


def test_a_refused_window_keeps_the_served_model_and_the_next_proceeds(
    broker: str, empty_redis: str, registry: Registry
) -> None:
    rows, given = one_class(ROWS, SIZE, 2 * SIZE), settings(broker, empty_redis)
    publish(broker, rows.take(slice(0, 2 * SIZE)))
    with running() as begin:
        trainer = begin(given)
        trainer.step_until(finished(broker, 2))
        pointer = registry.current(INSTRUMENT)
        assert pointer is not None
        assert pointer.seq == 1
        publish(broker, rows.take(slice(2 * SIZE, 4 * SIZE)))
        trainer.step_until(lambda: committed(broker) == 4 * SIZE)
    assert records(empty_redis) == expected(rows, given, partition=0)
    refused = closings(broker)[2]
    assert (refused.step, refused.reason) == (Step.REFUSED, "one_class")
    assert "LOSS only" in refused.detail
    assert (
        metric_value("tidewheel_training_runs_total", instrument=INSTRUMENT, verdict="refused", reason="one_class") >= 1
    )


def test_a_run_that_fails_is_a_failed_run_and_the_next_proceeds(
    broker: str, empty_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.trainer.modelling import assembly

    real = assembly.assemble

    def failing(model_context: assembly.ModelContext, *rest: Any) -> object:
        if model_context.window.seq == 2:
            raise MemoryError("no more room")
        return real(model_context, *rest)

    monkeypatch.setattr(assembly, "assemble", failing)
    publish(broker, ROWS)
    with running() as begin:
        begin(settings(broker, empty_redis)).step_until(finished(broker, 4))
    failed = closings(broker)[2]
    assert (failed.step, failed.reason, failed.detail) == (Step.FAILED, "training_error", "MemoryError: no more room")
    found = records(empty_redis)
    assert [found[seq].verdict for seq in (1, 2, 3, 4)] == ["published", "failed", "published", "published"]
    assert found[2].sha256 == ""
    assert found[1].scorecard is not None


KILL_AT = [
    *((RunEventProducer, "write", call) for call in (1, 4, 8, 9, 16, 17, 25)),
    *((RunEventProducer, "flush", call) for call in (1, 2, 4, 5)),
    *((Ledger, name, call) for name in ("publish", "publish_candidate") for call in (1, 3)),
    *((Ledger, "put_scorecard", call) for call in (1, 2)),
    *((TrainerApp, "_commit", call) for call in (1, 2)),
]


@pytest.mark.parametrize(("promotion", "after"), [("fresh", False), ("proven", True)])
def test_killed_anywhere_it_comes_to_the_same(
    broker: str, empty_redis: str, promotion: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One trainer after the other dies, each at another point, before or after the effect; the last ends the work."""
    rows = one_class(ROWS, 2 * SIZE, 3 * SIZE)
    given = settings(broker, empty_redis, promotion=promotion)
    publish(broker, rows)
    deaths, done = 0, 4 * SIZE
    with running() as begin:
        for owner, name, call in KILL_AT:
            trainer = begin(given)
            with monkeypatch.context() as patch:
                die_at(patch, owner, name, call, after=after)
                try:
                    trainer.step_until(lambda trainer=trainer: trainer.idle() and committed(broker) >= done)
                except Killed:
                    deaths += 1
            trainer.close()
        begin(given).step_until(lambda: set(closings(broker)) == {1, 2, 3, 4})
        wanted = expected(rows, given, partition=0)
        assert records(empty_redis) == wanted
    assert deaths >= 5
    assert {seq: event.step.name.lower() for seq, event in closings(broker).items()} == {
        seq: one.verdict for seq, one in wanted.items()
    }
    scored = {event.seq: without_baseline(event.scorecard) for event in events(broker) if event.step is Step.SCORED}
    assert scored == {seq: one.scorecard for seq, one in wanted.items() if one.scorecard}


def test_killed_by_the_machine_it_resumes_at_the_first_unfinished_window(
    broker: str, empty_redis: str, tmp_path: Path
) -> None:
    given = settings(broker, empty_redis)
    own = {"KAFKA": broker, "REDIS": empty_redis, "WINDOW": str(SIZE), "TRIALS": "2", "METRICS_PORT": "0"}
    own |= {"INSTANCE": "trainer-of-the-test", "SESSION_TIMEOUT_S": "2"}
    env = {**os.environ, **{f"TIDEWHEEL_{name}": value for name, value in own.items()}}
    command, log = [sys.executable, "-m", "services.trainer"], tmp_path / "trainer.log"
    publish(broker, ROWS.take(slice(0, 2 * SIZE + 100)))
    first = start(command, log, env)
    eventually(finished(broker, 1), "the first window is closed", POLL_EVERY_S)
    kill_group(first)
    first.wait()
    publish(broker, ROWS.take(slice(2 * SIZE + 100, len(ROWS))))
    second = start(command, log, env)
    try:
        eventually(finished(broker, 4), "all windows are closed", POLL_EVERY_S)
        eventually(lambda: committed(broker) == 4 * SIZE, "offsets are committed", POLL_EVERY_S)
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
    finally:
        kill_group(second)
    assert records(empty_redis) == expected(ROWS, given, partition=0)


def test_the_whole_topic_again_publishes_nothing_again(
    broker: str, empty_redis: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(broker, empty_redis)
    publish(broker, ROWS)
    with running() as begin:
        trainer = begin(given)
        trainer.step_until(lambda: committed(broker) == 4 * SIZE)
        before, pointer = records(empty_redis), registry.current(INSTRUMENT)
        trainer.close()
        # The same examples once more, as another trainer's group would see them; and a trainer that trains all again.
        monkeypatch.setattr(Worker, "_repeated", lambda *_: False)
        forget_offsets(broker)
        begin(given).step_until(lambda: committed(broker) == 4 * SIZE)
    assert records(empty_redis) == before
    assert registry.current(INSTRUMENT) == pointer
    assert sum(event.step is Step.PUBLISHED for event in events(broker)) == 8
    assert set(closings(broker)) == {1, 2, 3, 4}


def test_a_restart_trains_nothing_that_is_published(
    broker: str, empty_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(broker, empty_redis)
    publish(broker, ROWS)
    with running() as begin:
        trainer = begin(given)
        trainer.step_until(lambda: committed(broker) == 4 * SIZE)
        trainer.close()
        forget_offsets(broker)
        monkeypatch.setattr(Worker, "_make", lambda *_: pytest.fail("trained again"))
        begin(given).step_until(lambda: committed(broker) == 4 * SIZE)
    assert sum(event.step is Step.TRIAL for event in events(broker)) == 8
    assert records(empty_redis) == expected(ROWS, given, partition=0)


def test_bad_records_are_rejected_with_their_reason(broker: str, empty_redis: str) -> None:
    good = [encode_example(example) for example in examples(ROWS.take(slice(0, SIZE)), INSTRUMENT)]
    send(broker, [*good[:10], b"\xff\xff", b"", good[5], *good[10:]])
    with running() as begin:
        begin(settings(broker, empty_redis)).step_until(finished(broker, 1))
    assert closings(broker)[1].step is Step.PUBLISHED
    letters = [decode_dead_letter(message.value()) for message in read_to_end(broker, DEAD_LETTERS.name)]
    assert [(letter.source, letter.offset, letter.service) for letter in letters] == [
        ("examples", 10, "trainer"),
        ("examples", 11, "trainer"),
    ]


def test_a_gap_costs_its_window_loudly_and_the_next_proceeds(
    broker: str, empty_redis: str, caplog: pytest.LogCaptureFixture
) -> None:
    missing = ROWS.take(np.r_[0 : SIZE + 7, SIZE + 9 : 3 * SIZE])
    publish(broker, missing)
    with running() as begin:
        begin(settings(broker, empty_redis)).step_until(finished(broker, 3))
    found = closings(broker)
    assert [found[seq].step for seq in (1, 2, 3)] == [Step.PUBLISHED, Step.FAILED, Step.PUBLISHED]
    assert found[2].reason == "rows_missing"
    assert records(empty_redis)[2].verdict is Verdict.FAILED
    (letter,) = [decode_dead_letter(message.value()) for message in read_to_end(broker, DEAD_LETTERS.name)]
    assert letter.reason is DeadLetterReason.OUT_OF_ORDER
    assert f"examples {SIZE + 8} to {SIZE + 9}" in letter.detail
    assert "windows lost: [2]" in caplog.text


def test_instruments_of_one_partition_and_of_two(broker: str, empty_redis: str) -> None:
    others = {"sim:ETH-USD": 0, "sim:LTC-USD": 1}
    for instrument, partition in {INSTRUMENT: 0, **others}.items():
        publish(broker, ROWS.take(slice(0, 2 * SIZE + 20)), instrument, partition)
    with running() as begin:
        trainer = begin(settings(broker, empty_redis))
        trainer.step_until(lambda: len(_closed_by_instrument(broker)) == 6)
        trainer.step_until(trainer.idle)
        # Both instruments of partition 0 still need their last twenty rows; the first one's lie further ahead.
        assert committed(broker, 0) == 2 * SIZE
        assert committed(broker, 1) == 2 * SIZE
    assert _closed_by_instrument(broker) == {(name, seq) for name in (INSTRUMENT, *others) for seq in (1, 2)}


def _closed_by_instrument(broker: str) -> set[tuple[str, int]]:
    return {(event.instrument, event.seq) for event in events(broker) if event.step is Step.PUBLISHED}
