"""Records that the log denies: each costs its own window's making, and nothing else."""

from dataclasses import replace

import pytest

from services.trainer.runs.jobs import ReadingStartedJob
from services.trainer.windows.count_windows import ReadingStarted
from tests.predictors import metric_value
from tests.simulation.redis_memory import Store
from tests.synthetic_models import CARD, INSTRUMENT, make_record
from tests.unit.trainer.made_workers import RecordedEvents, a_registry, a_worker
from tests.unit.trainer.test_worker_repeats import CONFIG, SIZE, Learner, endings, processed, window
from tidewheel.contracts.codecs.models import encode_model_record
from tidewheel.domain.models import ModelRecord, Verdict
from tidewheel.registry import keys
from tidewheel.registry.store import Registry

PLACES = ("replay_offset", "first_offset", "last_offset")
ELSEWHERE = dict(zip(PLACES, (7, 7, 10**15), strict=True))
ONE_FURTHER = dict(zip(PLACES, (1, 1, SIZE), strict=True))
NOWHERE = dict.fromkeys(PLACES, 0)


class Scene:
    """A registry that anybody can write to, and a trainer on it."""

    def __init__(self) -> None:
        self.store = Store()
        self.registry: Registry = a_registry(self.store)
        self.learner = Learner()

    def train(self, *windows: object) -> list[tuple[int, str]]:
        """What becomes of windows in a trainer that starts."""
        events = RecordedEvents()
        processed(a_worker(self.registry, events, self.learner, CONFIG), *windows)  # type: ignore[arg-type]
        return endings(events)

    def record(self, seq: int) -> ModelRecord:
        record = self.registry.record_of(INSTRUMENT, seq)
        assert record
        return record

    def forge(self, record: ModelRecord) -> None:
        self.store.set(keys.record(INSTRUMENT, record.seq), encode_model_record(record))


def rejected() -> float:
    return metric_value("tidewheel_training_records_rejected_total", instrument=INSTRUMENT)


@pytest.mark.parametrize("places", [ELSEWHERE, ONE_FURTHER, NOWHERE])
def test_a_forged_place_costs_one_more_making_and_is_corrected(places: dict[str, int]) -> None:
    scene, before = Scene(), rejected()
    first = scene.train(window(1), window(2), window(3))
    kept = [replace(scene.record(seq), scorecard=CARD) for seq in (1, 2)]
    for one in kept:
        scene.forge(replace(one, **places))
    assert scene.train(window(1), window(2), window(3)) == first
    assert [scene.record(seq).first_offset for seq in (1, 2, 3)] == [0, SIZE, 2 * SIZE]
    assert [replace(scene.record(seq), scorecard=CARD) for seq in (1, 2)] == kept
    assert rejected() == before + 2


def test_the_record_of_a_model_that_is_kept_is_not_written_over_by_another() -> None:
    scene, events = Scene(), RecordedEvents()
    scene.train(window(1))
    forged = replace(scene.record(1), **ELSEWHERE)
    scene.forge(forged)
    processed(a_worker(scene.registry, events, scene.learner, replace(CONFIG, seed=7)), window(1))
    assert endings(events) == [(1, "stale")]
    assert scene.record(1) == forged
    scene.registry.load(INSTRUMENT, 1)


def test_a_scorecard_of_a_record_rejected_is_kept() -> None:
    scene = Scene()
    scene.train(window(1), window(2))
    scored = scene.record(1)
    assert scored.scorecard
    scene.forge(replace(scored, **ELSEWHERE))
    scene.train(window(1))
    assert scene.record(1) == scored


def test_a_window_to_come_is_made_whatever_a_record_says_of_it() -> None:
    scene = Scene()
    scene.train(window(1))
    for seq, reason, verdict in ((2, "rows_missing", Verdict.FAILED), (3, "one_class", Verdict.REFUSED)):
        scene.forge(replace(make_record(b"", seq), sha256="", reason=reason, verdict=verdict))
    assert scene.train(window(2), window(3)) == [(2, "worse_than_served"), (3, "worse_than_served")]
    assert [scene.record(seq).reason for seq in (2, 3)] == ["worse_than_served"] * 2


def test_a_registry_that_outlived_its_topics_ends_no_trainer() -> None:
    scene = Scene()
    scene.train(window(1), window(2, one_class=True))
    served = scene.registry.current(INSTRUMENT)
    moved = [
        replace(one, first_offset=one.first_offset + 9, last_offset=one.last_offset + 9)
        for one in (window(1), window(2, one_class=True), window(3))
    ]
    scene.learner = Learner()
    made_otherwise = replace(CONFIG, seed=7)
    events = RecordedEvents()
    processed(a_worker(scene.registry, events, scene.learner, made_otherwise), *moved)
    # What serves is of another log and stays; its place is not this trainer's to change.
    assert endings(events)[:2] == [(1, "stale"), (2, "one_class")]
    assert scene.registry.current(INSTRUMENT) == served
    assert (scene.record(1).last_offset, scene.record(2).last_offset) == (SIZE - 1, 2 * SIZE + 8)
    assert scene.learner.made == [1, 2, 3]


def test_a_model_whose_record_the_log_denies_is_not_judged() -> None:
    for places, judged in (({}, True), ({"last_offset": 2 * SIZE - 1}, False), ({"first_offset": 5}, False)):
        scene = Scene()
        scene.train(window(1))
        scene.forge(replace(scene.record(1), **places))
        scene.train(replace(window(2), memory=(window(1).remembered(),)))
        assert (scene.record(1).scorecard is not None) is judged


@pytest.mark.parametrize("odd", [77, 10**14])
def test_a_window_in_the_history_alone_is_none(odd: int) -> None:
    scene, events = Scene(), RecordedEvents()
    scene.train(window(1))
    scene.store.sorted[keys.history(INSTRUMENT)].add(odd)
    started = ReadingStarted(INSTRUMENT, 3 * SIZE + 1, 4)
    a_worker(scene.registry, events, scene.learner, CONFIG).begin(ReadingStartedJob(started, 0, 3 * SIZE))
    assert endings(events) == [(2, "rows_missing"), (3, "rows_missing")]
