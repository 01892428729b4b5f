"""`promotion=proven` on a real broker and a real Redis: the same window is promoted, whatever happens on the way."""

import pytest

from services.trainer.runs.events import RunEventProducer
from services.trainer.runs.ledger import Ledger
from services.trainer.worker import Worker
from tests.trainers import (
    INSTRUMENT,
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
    publish,
    records,
    running,
    settings,
)
from tidewheel.domain.models import Verdict
from tidewheel.domain.training import Step
from tidewheel.registry.store import Registry

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]
ROWS = easy_rows(4 * SIZE + 50)
# Eight models judged on their next windows are the fewest that can be shown to have an edge.
LONG, FIRST_PROVEN = easy_rows(12 * SIZE), 9


def test_proven_serves_nothing_before_the_procedure_is_shown_to_have_an_edge(
    broker: str, empty_redis: str, registry: Registry
) -> None:
    given = settings(broker, empty_redis, promotion="proven", trials=1)
    unproven = (FIRST_PROVEN - 1) * SIZE
    publish(broker, LONG.take(slice(0, unproven)))
    with running() as begin:
        trainer = begin(given)
        trainer.step_until(lambda: committed(broker) == unproven)
        assert registry.current(INSTRUMENT) is None
        publish(broker, LONG.take(slice(unproven, 11 * SIZE)))
        trainer.step_until(lambda: committed(broker) == 11 * SIZE)
        current, candidate = registry.current(INSTRUMENT), registry.candidate(INSTRUMENT)
        assert current is not None
        assert candidate is not None
        assert (current.seq, current.epoch, candidate.seq) == (FIRST_PROVEN, 1, 11)
        found = records(empty_redis)
        assert found == expected(LONG.take(slice(0, 11 * SIZE)), given, partition=0)
        assert [one.champion and one.champion.seq for _, one in sorted(found.items())] == [None] * 9 + [9, None]
        # The candidate is promoted by hand, and is the one to be compared with from there on.
        registry.promote(INSTRUMENT, 11)
        publish(broker, LONG.take(slice(11 * SIZE, 12 * SIZE)))
        trainer.step_until(lambda: committed(broker) == 12 * SIZE)
    candidate = registry.candidate(INSTRUMENT)
    assert candidate is not None
    assert candidate.seq == 12
    endings = {event.seq: event for event in events(broker) if event.step in (Step.PUBLISHED, Step.REFUSED)}
    assert "nothing serves: strong evidence by lift is asked for, 7 models give weak" in endings[8].detail
    assert "0 of at least 5 models are judged beside model 11" in endings[12].detail
    record = registry.record_of(INSTRUMENT, 11)
    assert record is not None
    assert (record.verdict, record.reason, record.champion) == (Verdict.REFUSED, "not_proven", None)
    registry.load(INSTRUMENT, 10)


def test_proven_promotes_the_same_window_wherever_it_is_killed(
    broker: str, empty_redis: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each trainer dies at its first change of the registry or event of a kind, whatever window that is."""
    given = settings(broker, empty_redis, promotion="proven", trials=1)
    rows = LONG.take(slice(0, 10 * SIZE))
    publish(broker, rows)
    points = [
        (Ledger, "publish_candidate"),
        (Ledger, "put_scorecard"),
        (RunEventProducer, "flush"),
        (Ledger, "publish"),
    ]
    deaths = 0
    with running() as begin:
        for (owner, name), after in [(point, after) for point in points for after in (False, True)] * 2:
            trainer = begin(given)
            with monkeypatch.context() as patch:
                die_at(patch, owner, name, 2 if name == "flush" else 1, after=after)
                try:
                    trainer.step_until(lambda trainer=trainer: trainer.idle() and committed(broker) >= 10 * SIZE)
                except Killed:
                    deaths += 1
            trainer.close()
        begin(given).step_until(finished(broker, 10))
    assert deaths >= 6
    assert records(empty_redis) == expected(rows, given, partition=0)
    current, candidate = registry.current(INSTRUMENT), registry.candidate(INSTRUMENT)
    assert current is not None
    assert candidate is not None
    assert (current.seq, candidate.seq) == (FIRST_PROVEN, 10)
    assert set(closings(broker)) == set(range(1, 11))


def test_a_restart_trains_no_candidate_again(broker: str, empty_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(broker, empty_redis, promotion="proven")
    publish(broker, ROWS)
    with running() as begin:
        trainer = begin(given)
        trainer.step_until(lambda: committed(broker) == 4 * SIZE)
        trainer.close()
        forget_offsets(broker)
        monkeypatch.setattr(Worker, "_make", lambda *_: pytest.fail("trained again"))
        begin(given).step_until(lambda: committed(broker) == 4 * SIZE)
    again = [event for event in events(broker) if event.step is Step.REFUSED]
    assert [(event.seq, event.reason) for event in again] == [(seq, "not_proven") for seq in (1, 2, 3, 4)] * 2
    assert records(empty_redis) == expected(ROWS, given, partition=0)
