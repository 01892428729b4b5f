"""The performer on a run of stubs and a clock of the test."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.system.chaos.ends import RETURN_S
from tests.system.chaos.labelers import Labelers
from tests.system.chaos.performer import BROKER_PAUSE_S, STEP_LIMIT_S, STUCK_LIMIT_S, DisturbanceRunner
from tests.system.chaos.plan import NEIGHBOUR, Disturbance, Kind
from tests.unit.chaos.stubs import Process

READY = "first quotes of replay:BTC-USD\n" + "".join(
    f"{name} ready\n" for name in ("ingest", "orderbot", "labeler", "trainer")
)


@dataclass
class Neighbour:
    """Remembers that it was kept going."""

    done: bool = False
    process: Process | None = field(default_factory=Process)
    kept: list[str] = field(default_factory=list)

    def keep(self, kafka: str) -> None:
        self.kept.append(kafka)


@dataclass
class Broker:
    """Remembers what was done to it."""

    listens: bool = True
    done: list[str] = field(default_factory=list)

    def kill(self) -> None:
        self.done.append("kill")
        self.listens = False

    def launch(self) -> None:
        self.done.append("launch")

    def tamper(self) -> None:
        self.done.append("tamper")

    def calm(self) -> None:
        self.done.append("calm")


class Stage:
    """A run with processes by the word they are known by, and the performer of a plan on it."""

    def __init__(
        self, folder: Path, *plan: Disturbance, neighbour: Neighbour | None = None, broker: Broker | None = None
    ) -> None:
        self.out = folder / "out.txt"
        self.out.write_text(READY)
        self.now_s = 0.0
        self.processes = {word: Process() for word in ("services.labeler", "services.ingest", "kafka.Kafka")}
        self.lines: list[str] = []
        labelers = Labelers(folder / "labelers")
        more = {"stream_s": 60.0, "clock": lambda: self.now_s, "neighbour": neighbour, "broker": broker}
        self.performer = DisturbanceRunner(plan, folder / "data", labelers, self.lines.append, **more)  # type: ignore[arg-type]

    def child(self, *words: str) -> Process | None:
        return next((self.processes[word] for word in words if word in self.processes), None)

    def service(self, name: str) -> Process | None:
        return self.child(f"services.{name}")

    def at(self, now_s: float) -> None:
        self.now_s = now_s
        self.performer(self)  # type: ignore[arg-type]


KILL = Disturbance(2.0, Kind.KILL, "kafka")


def test_it_begins_when_all_work_and_keeps_its_times(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL)
    stage.out.write_text("first quotes of replay:BTC-USD\ningest ready\n")
    stage.at(50.0)
    stage.out.write_text(READY)
    for now_s in (60.0, 61.9):
        stage.at(now_s)
    assert stage.processes["kafka.Kafka"].done == []
    stage.at(62.0)
    assert stage.processes["kafka.Kafka"].done == ["kill"]
    assert stage.lines == ["   2.0 s  kafka kill -9"]
    assert stage.performer.unfinished() == stage.performer.faults == []
    assert stage.performer.done == {Kind.KILL: 1}


def test_what_stands_still_goes_on(tmp_path: Path) -> None:
    kind = Kind.STAND_STILL
    stage = Stage(tmp_path, Disturbance(0.0, kind, "ingest", 8.0), Disturbance(1.0, Kind.KILL, "labeler"))
    stage.at(0.0)
    stage.at(1.0)
    assert stage.processes["services.labeler"].done == ["kill"]
    assert stage.processes["services.ingest"].done == ["suspend"]
    assert stage.performer.unfinished() == [f"not done: ingest {kind} (8 s)"]
    stage.at(8.0)
    assert stage.processes["services.ingest"].done == ["suspend", "resume"]
    assert stage.performer.done == {kind: 1, Kind.KILL: 1}


def test_what_the_run_has_replaced_is_not_resumed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Disturbance(0.0, Kind.STAND_STILL, "ingest", 8.0))
    stage.at(0.0)
    ingest = stage.processes["services.ingest"]
    ingest.running = False
    assert not ingest.is_running(), "seen gone"
    stage.at(8.0)
    assert ingest.done == ["suspend"]


@pytest.mark.parametrize(("kind", "word"), [(Kind.STUCK, "suspend"), (Kind.END, "terminate")])
def test_what_does_not_end_of_it_is_no_disturbance_done(tmp_path: Path, kind: Kind, word: str) -> None:
    stage = Stage(tmp_path, Disturbance(0.0, kind, "ingest", 25.0))
    for now_s in (0.0, 30.0):
        stage.at(now_s)
    ingest = stage.processes["services.ingest"]
    assert ingest.done[0] == word
    assert stage.performer.done == {}
    ingest.running = False
    stage.at(30.1)
    assert stage.performer.done == {kind: 1}


def test_one_that_is_asked_to_end_while_it_stands_still_for_good_ends_when_the_run_kills_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Disturbance(0.0, Kind.STUCK, "ingest", 25.0), Disturbance(1.0, Kind.END, "ingest"))
    for now_s in (0.0, 1.0, 2.0 + STEP_LIMIT_S):
        stage.at(now_s)
    stage.processes["services.ingest"].running = False
    stage.at(3.0 + STEP_LIMIT_S)
    assert stage.performer.faults == []
    assert stage.performer.done == {Kind.STUCK: 1, Kind.END: 1}


def test_one_that_never_ends_of_it_is_a_fault(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Disturbance(0.0, Kind.STUCK, "labeler", 25.0))
    for now_s in (0.0, 0.1 + STUCK_LIMIT_S):
        stage.at(now_s)
    (words,) = stage.performer.faults
    assert words.endswith(f"not within {STUCK_LIMIT_S:.0f} s: the run has killed it")
    assert stage.performer.done == {}


def test_a_signal_that_reaches_nobody_is_sent_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL)
    stage.processes["kafka.Kafka"].running = False  # seen, and gone a moment later
    for now_s in (0.0, 2.0, 2.1):
        stage.at(now_s)
    assert stage.performer.done == {}
    again = stage.processes["kafka.Kafka"] = Process()
    stage.at(2.2)
    assert again.done == ["kill"]
    assert stage.performer.done == {Kind.KILL: 1}


def test_a_target_that_is_being_restarted_is_waited_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL)
    broker = stage.processes.pop("kafka.Kafka")
    stage.at(0.0)
    stage.at(2.0)
    assert stage.performer.unfinished() == ["not done: kafka kill -9"]
    stage.processes["kafka.Kafka"] = broker
    stage.at(3.0)
    assert broker.done == ["kill"]
    assert stage.performer.faults == []


def test_one_that_never_comes_is_a_fault(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL)
    del stage.processes["kafka.Kafka"]
    for now_s in (0.0, 2.0, 2.1 + STEP_LIMIT_S):
        stage.at(now_s)
    assert stage.performer.faults == [f"kafka kill -9: it was not there for {STEP_LIMIT_S:.0f} s"]
    assert stage.performer.done == {}


def test_what_is_left_of_the_plan_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL)
    stage.at(0.0)
    assert stage.performer.unfinished() == ["not done: kafka kill -9"]


def test_a_feed_that_would_be_done_before_the_plan_is_held(tmp_path: Path) -> None:
    stage = Stage(tmp_path, KILL)
    ingest, broker = stage.processes["services.ingest"], stage.processes.pop("kafka.Kafka")
    for now_s in (0.0, 2.0, 54.0):
        stage.at(now_s)
    assert ingest.done == []
    stage.at(54.1)
    assert ingest.done == ["suspend"]
    stage.processes["kafka.Kafka"] = broker
    for now_s in (55.0, 55.1, 55.2):
        stage.at(now_s)
    assert broker.done == ["kill"]
    assert ingest.done[-2:] == ["suspend", "resume"]


def test_a_feed_that_is_told_to_end_is_not_held_till_it_has(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Disturbance(54.0, Kind.END, "ingest"), Disturbance(58.0, Kind.END, "labeler"))
    ingest = stage.processes["services.ingest"]
    for now_s in (0.0, 54.0, 54.1, 54.2):
        stage.at(now_s)
    assert ingest.done == ["terminate"]
    ingest.running = False
    again = stage.processes["services.ingest"] = Process()
    for now_s in (54.3, 54.4):
        stage.at(now_s)
    assert again.done[-1] == "suspend"


def test_a_neighbour_is_kept_going_and_disturbed_and_the_run_outlasts_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "run.json").write_text(json.dumps({"addresses": {"kafka": "there:9092"}}))
    neighbour = Neighbour()
    process = neighbour.process
    stage = Stage(tmp_path, Disturbance(2.0, Kind.KILL, NEIGHBOUR), neighbour=neighbour)
    stage.at(0.0)
    assert neighbour.kept == ["there:9092"]
    neighbour.process = None  # it is being started again
    stage.at(2.0)
    assert stage.performer.unfinished() == [f"not done: {NEIGHBOUR} kill -9", f"not done: {NEIGHBOUR}"]
    neighbour.process = process
    stage.at(3.0)
    assert process is not None
    assert process.done == ["kill"]
    assert stage.performer.unfinished() == [f"not done: {NEIGHBOUR}"]
    stage.at(54.1)
    assert stage.processes["services.ingest"].done == ["suspend"]
    neighbour.done = True
    stage.at(55.0)
    assert stage.processes["services.ingest"].done == ["suspend", "resume"]
    assert stage.performer.unfinished() == []


def test_a_broker_that_the_run_was_given_is_started_again(tmp_path: Path) -> None:
    broker = Broker()
    stage = Stage(tmp_path, KILL, broker=broker)
    stage.at(0.0)
    assert broker.done == ["tamper"]
    stage.at(2.0)
    assert broker.done == ["tamper", "kill"]
    assert stage.performer.ends.broker_away
    for now_s in (2.0 + BROKER_PAUSE_S, 10.0):
        stage.at(now_s)
    assert broker.done == ["tamper", "kill", "launch"]
    assert stage.performer.done == {}
    broker.listens = True
    stage.at(11.0)
    assert stage.performer.done == {Kind.KILL: 1}
    assert stage.performer.ends.broker_away
    stage.at(11.0 + RETURN_S)
    assert not stage.performer.ends.broker_away
    assert stage.processes["kafka.Kafka"].done == []


def test_tampering_ends_before_the_stream_does_and_after_all_that_was_planned(tmp_path: Path) -> None:
    broker = Broker()
    stage = Stage(tmp_path, Disturbance(50.0, Kind.STAND_STILL, "labeler", 6.0), broker=broker)
    for now_s in (0.0, 50.0, 54.1):
        stage.at(now_s)
    assert broker.done == ["tamper"]
    for now_s in (56.0, 56.1, 56.2):
        stage.at(now_s)
    assert broker.done == ["tamper", "calm"]


def test_a_labeler_that_gives_up_is_told_of(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.at(0.0)
    with stage.out.open("a") as out:
        out.write("10:00:00 labeler restarting: ended with code 1: no transaction succeeds any more\n")
    stage.at(0.1)
    assert stage.performer.ends.faults == ["labeler ended with code 1: no transaction succeeds any more"]
