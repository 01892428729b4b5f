"""The trainer and the registry: one that is away, one that is ahead, one that holds what it should not."""

from pathlib import Path

import pytest
from redis import Redis

from services.trainer.worker import Worker
from tests.servers import server_port
from tests.trainers import (
    INSTRUMENT,
    SIZE,
    closings,
    committed,
    easy_rows,
    events,
    expected,
    finished,
    forget_offsets,
    publish,
    records,
    running,
    send,
    settings,
)
from tidewheel.domain.training import RunReason, Step
from tidewheel.local.processes.subprocesses import free_port
from tidewheel.local.servers.redis import start_redis
from tidewheel.registry import keys
from tidewheel.registry.store import Registry

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]
ROWS = easy_rows(4 * SIZE + 50)


def test_a_registry_of_other_topics_stops_nothing(
    broker: str, empty_redis: str, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    publish(broker, ROWS.take(slice(0, SIZE)))
    with running() as begin:
        begin(settings(broker, empty_redis)).step_until(lambda: committed(broker) == SIZE)
    # The same rows one offset later, as topics made anew may hold them; nobody remembers the others.
    forget_offsets(broker, at=SIZE)
    send(broker, [b"no example"], partition=1)
    publish(broker, ROWS.take(slice(0, 2 * SIZE)), partition=1)
    with running() as begin:
        begin(settings(broker, empty_redis)).step_until(lambda: committed(broker, 1) == 2 * SIZE + 1)
    assert (
        f"the record of window 1 of {INSTRUMENT} is rejected, since its rows stand at offsets 1 to {SIZE}"
        in caplog.text
    )
    # What is kept is of partition 0, and stays; what comes after it is published.
    assert [event.reason for event in events(broker) if event.step.verdict] == ["", RunReason.STALE, ""]
    kept = [registry.record_of(INSTRUMENT, seq) for seq in (1, 2)]
    assert [(one.first_offset, one.last_offset) for one in kept if one] == [(0, SIZE - 1), (SIZE + 1, 2 * SIZE)]
    pointer = registry.current(INSTRUMENT)
    assert pointer
    assert pointer.seq == 2


def test_an_older_trainer_cannot_undo_a_newer_model(
    broker: str, empty_redis: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(broker, ROWS)
    with running() as begin:
        trainer = begin(settings(broker, empty_redis))
        trainer.step_until(lambda: committed(broker) == 4 * SIZE)
        before, pointer = records(empty_redis), registry.current(INSTRUMENT)
        trainer.close()
        # One that was slow asked before these windows had ended.
        monkeypatch.setattr(Worker, "_repeated", lambda *_: False)
        forget_offsets(broker)
        other = begin(settings(broker, empty_redis, seed=99))
        other.step_until(lambda: committed(broker) == 4 * SIZE)
    assert registry.current(INSTRUMENT) == pointer
    assert {seq: one.sha256 for seq, one in records(empty_redis).items()} == {s: o.sha256 for s, o in before.items()}
    stale = [event for event in events(broker) if event.reason == RunReason.STALE]
    assert {event.seq for event in stale} == {1, 2, 3, 4}


def test_redis_away_the_run_waits_and_publishes_later_in_order(broker: str, tmp_path: Path) -> None:
    port = server_port()
    url = f"redis://127.0.0.1:{port}/0"
    given = settings(broker, url)
    publish(broker, ROWS.take(slice(0, SIZE)))
    with running() as begin:
        store = start_redis(tmp_path, port)
        try:
            trainer = begin(given)
            trainer.step_until(lambda: committed(broker) == SIZE)
            store.stop()
            publish(broker, ROWS.take(slice(SIZE, len(ROWS))))
            # One window waits for Redis and one for its turn: the partition rests, the loop turns on.
            trainer.step_until(lambda: trainer.service.paused == {0})
            assert trainer.health.liveness()[0]
            assert set(closings(broker)) == {1}
            store = start_redis(tmp_path, port)
            trainer.step_until(lambda: committed(broker) == 4 * SIZE)
            assert trainer.service.paused == set()
            assert records(url) == expected(ROWS, given, partition=0)
        finally:
            store.stop()
    published = [event.seq for event in events(broker) if event.step is Step.PUBLISHED]
    assert published == [1, 2, 3, 4]


def test_told_to_stop_while_redis_is_away_it_stops(broker: str, empty_redis: str) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    publish(broker, ROWS)
    with running() as begin:
        trainer = begin(settings(broker, nobody))
        trainer.step_until(lambda: any(event.step is Step.WINDOW_CLOSED for event in events(broker)))
        trainer.end()
        assert committed(broker) < 0
        begin(settings(broker, empty_redis)).step_until(finished(broker, 4))


def test_what_redis_holds_and_does_not_verify_is_told_and_passed_over(
    broker: str, empty_redis: str, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    publish(broker, ROWS.take(slice(0, SIZE)))
    given = settings(broker, empty_redis)
    with running() as begin:
        trainer = begin(given)
        trainer.step_until(finished(broker, 1))
        trainer.close()
        Redis.from_url(empty_redis).set(f"tw:{{{INSTRUMENT}}}:model:1", b"something else")
        publish(broker, ROWS.take(slice(SIZE, 2 * SIZE)))
        begin(given).step_until(finished(broker, 2))
    assert closings(broker)[2].step is Step.PUBLISHED
    assert "does not verify" in caplog.text


def test_a_damaged_pointer_costs_no_window(broker: str, empty_redis: str, registry: Registry) -> None:
    given, pointer = settings(broker, empty_redis), keys.pointer(INSTRUMENT, keys.CURRENT)
    publish(broker, ROWS.take(slice(0, SIZE)))
    with running() as begin:
        trainer = begin(given)
        trainer.step_until(finished(broker, 1))
        store = Redis.from_url(empty_redis)
        store.delete(pointer)
        store.lpush(pointer, "damaged")
        store.zadd(keys.history(INSTRUMENT), {"odd": 7})
        publish(broker, ROWS.take(slice(SIZE, 2 * SIZE)))
        trainer.step_until(finished(broker, 2))
        store.hset(pointer, "epoch", "9" * 400)
        publish(broker, ROWS.take(slice(2 * SIZE, 3 * SIZE)))
        trainer.step_until(finished(broker, 3))
    found = closings(broker)
    assert [found[seq].step for seq in (1, 2, 3)] == [Step.PUBLISHED] * 3
    served = registry.current(INSTRUMENT)
    assert served is not None
    assert (served.seq, registry.newest_run(INSTRUMENT)) == (3, 3)
