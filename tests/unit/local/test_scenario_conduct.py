"""The order of a scenario, on alerts that are made up: the fault is undone however it ends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tidewheel.local.data_dir import DataDir
from tidewheel.local.observing.prometheus_api import Prometheus, PrometheusError
from tidewheel.local.observing.scenario_steps import StepsReader
from tidewheel.local.scenarios.conduct import Conductor
from tidewheel.local.scenarios.declared import SCENARIOS, Scenario
from tidewheel.local.scenarios.faults import Keep, Scene
from tidewheel.local.scenarios.going_run import GoingRun
from tidewheel.runtime.process import FatalError

SCENARIO = SCENARIOS["redis-away"]


@dataclass
class MadeUp:
    """A second passes with each pause. The alert fires `fires_s` after the fault is there and is over with it."""

    folder: Path
    fires_s: float = 70.0
    others: Callable[[float], dict[str, str]] = lambda now_s: {}
    silent_from_s: float = 1e9
    now_s: float = 0.0
    fault_s: float | None = None
    undone: int = 0
    kept: int = 0
    said: list[str] = field(default_factory=list)
    stumble: BaseException | None = None
    stumble_on_entry: bool = False

    def alerts(self) -> dict[str, str]:
        if self.now_s >= self.silent_from_s:
            raise PrometheusError("silent")
        found = dict(self.others(self.now_s))
        if self.fault_s is not None and not self.undone:
            found["RedisAway"] = "firing" if self.now_s - self.fault_s >= self.fires_s else "pending"
        return found

    def pause(self, pause_s: float) -> None:
        self.now_s += pause_s

    @contextmanager
    def fault(self, scenario: Scenario, scene: Scene) -> Iterator[Keep]:
        try:
            if self.stumble_on_entry and self.stumble:
                raise self.stumble
            self.fault_s = self.now_s
            yield self.keep
        finally:
            self.undone += 1

    def keep(self) -> None:
        self.kept += 1
        if self.stumble and self.kept > 10:
            raise self.stumble

    def conduct(self, *, until_over: bool = True) -> str:
        run = GoingRun(DataDir(self.folder), "http://127.0.0.1:1", "redis://127.0.0.1:1/0", "sim:A", True, 60.0)
        prometheus = Prometheus(run.prometheus)
        object.__setattr__(prometheus, "alerts", self.alerts)
        conductor = Conductor(
            SCENARIO, run, prometheus, self.said.append, lambda: self.now_s, self.pause, fault_of=self.fault
        )
        return conductor.conduct(until_over=until_over).text

    def steps(self) -> Sequence[str]:
        return (self.folder / "scenario-steps").read_text().split("\n")[:-1]


def test_it_says_does_waits_undoes_and_judges(tmp_path: Path) -> None:
    scene = MadeUp(tmp_path)
    assert scene.conduct() == "redis-away: as it should be: RedisAway fired after 70 s, over 0 s after the fault"
    assert scene.undone == 1
    assert scene.kept == 70
    assert scene.steps() == [f"redis-away {step}" for step in ("begins", "fault", "fires", "undone", "over")]
    words = "\n".join(scene.said)
    assert SCENARIO.what in words
    assert "Does Redis answer?" in words
    assert "RedisAway is pending" in words


def test_one_that_does_not_fire_ends_all_the_same(tmp_path: Path) -> None:
    scene = MadeUp(tmp_path, fires_s=1e9)
    assert "WRONG: RedisAway did not fire" in scene.conduct()
    assert scene.undone == 1
    assert scene.now_s <= SCENARIO.fires_s + 5


def test_another_alert_is_seen_after_the_fault_too(tmp_path: Path) -> None:
    scene = MadeUp(tmp_path, others=lambda now_s: {"KafkaAway": "firing"} if 60 <= now_s < 65 else {})
    assert "KafkaAway fired too" in scene.conduct()


def test_what_is_pending_is_no_alert(tmp_path: Path) -> None:
    assert "as it should be" in MadeUp(tmp_path, others=lambda now_s: {"KafkaAway": "pending"}).conduct()


@pytest.mark.parametrize("stumble", [KeyboardInterrupt(), FatalError("planted"), RuntimeError("planted")], ids=repr)
@pytest.mark.parametrize("on_entry", [False, True])
def test_whatever_ends_it_the_fault_is_undone(stumble: BaseException, on_entry: bool, tmp_path: Path) -> None:
    scene = MadeUp(tmp_path, stumble=stumble, stumble_on_entry=on_entry)
    with pytest.raises(type(stumble)):
        scene.conduct()
    assert scene.undone == 1
    assert scene.steps()[-1] == "redis-away undone"


def test_a_prometheus_that_is_silent_for_long_ends_it(tmp_path: Path) -> None:
    scene = MadeUp(tmp_path, silent_from_s=20.0)
    with pytest.raises(PrometheusError):
        scene.conduct()
    assert scene.undone == 1
    assert 45 < scene.now_s < 60


def test_it_does_not_begin_where_an_alert_fires_already(tmp_path: Path) -> None:
    scene = MadeUp(tmp_path, others=lambda now_s: {"ClockSkew": "firing"})
    with pytest.raises(FatalError, match=r"ClockSkew fires already.*runbooks.md#clockskew"):
        scene.conduct()
    assert (scene.undone, scene.fault_s) == (0, None)


def test_one_that_comes_by_itself_is_no_hindrance(tmp_path: Path) -> None:
    verdict = MadeUp(tmp_path, others=lambda now_s: {"EdgeGone": "firing"}).conduct()
    assert "as it should be" in verdict
    assert "as it may" in verdict


def test_it_need_not_wait_until_the_alert_is_over(tmp_path: Path) -> None:
    scene = MadeUp(tmp_path)
    assert scene.conduct(until_over=False) == "redis-away: as it should be: RedisAway fired after 70 s"


def test_the_run_reads_steps_that_are_ours_and_each_once(tmp_path: Path) -> None:
    path = tmp_path / "scenario-steps"
    path.write_text("redis-away over\n")  # of before this run began
    reader = StepsReader(path)
    with path.open("a") as file:
        file.write("redis-away begins\nnobody begins\nredis-away dances\n\xff\nburst fa")
    assert list(reader.read()) == [("redis-away", "begins")]
    with path.open("a") as file:
        file.write("ult\n")
    assert list(reader.read()) == [("burst", "fault")]
    assert list(reader.read()) == []
