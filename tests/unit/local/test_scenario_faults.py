"""Faults on real processes and files, and that each is undone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.waiting import eventually
from tidewheel.domain.market_events import NOTICE_S, SECOND_MAX, EventKind, MarketEvent, parse_events
from tidewheel.local.data_dir import DataDir
from tidewheel.local.observing.prometheus_api import Prometheus
from tidewheel.local.processes.process_file import ProcessFile, process_of
from tidewheel.local.scenarios import continuing
from tidewheel.local.scenarios.faults import Scene, happens, killed, paused
from tidewheel.local.scenarios.going_run import GoingRun, going_run, newest_going
from tidewheel.local.scenarios.market_fault import MarketFault
from tidewheel.runtime.process import FatalError

SLEEPER = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
NOW_S = 1_767_300_000


class Started:
    """As the supervisor knows a process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(SLEEPER, start_new_session=True)

    @property
    def pid(self) -> int:
        return self.process.pid


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Started]:
    """A child of this process, which plays the run."""
    started = Started()
    ProcessFile(tmp_path / "processes.json").write({"redis": started, "ingest": started})
    yield started
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.process.wait()


class Market(Prometheus):
    """Its market is at `now_s`, and moves on at each question."""

    def __init__(self, moves_s: int = 0) -> None:
        super().__init__("http://127.0.0.1:1")
        self.now_s = NOW_S
        self.moves_s = moves_s

    def value(self, expr: str) -> float | None:
        self.now_s += self.moves_s
        return self.now_s


def scene(folder: Path, market: Market | None = None, **run: object) -> Scene:
    values: dict[str, object] = {"simulated": True, "speed": 60.0, **run}
    going = GoingRun(DataDir(folder), "http://127.0.0.1:1", "redis://127.0.0.1:1/0", "sim:A", **values)  # type: ignore[arg-type]
    return Scene(going, market or Market(), wait_at_once, lambda line: None)


def wait_at_once(true: Callable[[], bool], what: str, limit_s: float) -> None:
    if not any(true() for _ in range(1_000)):
        raise FatalError(what)


def state(pid: int) -> str:
    return str(psutil.Process(pid).status())


def test_a_server_stands_still_and_goes_on_again(redis: Started, tmp_path: Path) -> None:
    with paused("redis", scene(tmp_path)):
        eventually(lambda: state(redis.pid) == psutil.STATUS_STOPPED, "it stands still")
    eventually(lambda: state(redis.pid) != psutil.STATUS_STOPPED, "it goes on")


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_a_server_goes_on_whatever_ends_the_pause(failure: type[BaseException], redis: Started, tmp_path: Path) -> None:
    with pytest.raises(failure), paused("redis", scene(tmp_path)):
        raise failure
    eventually(lambda: state(redis.pid) != psutil.STATUS_STOPPED, "it goes on")


def test_a_server_goes_on_where_who_stopped_it_is_killed(redis: Started) -> None:
    os.killpg(redis.pid, signal.SIGSTOP)
    command = (
        f"import subprocess, sys, time; subprocess.Popen({[sys.executable, continuing.__file__, str(redis.pid)]!r}, "
    )
    stopper = subprocess.Popen([sys.executable, "-c", f"{command}stdin=subprocess.PIPE); time.sleep(600)"])
    eventually(lambda: len(psutil.Process(stopper.pid).children()) == 1, "the guard is there")
    assert state(redis.pid) == psutil.STATUS_STOPPED
    stopper.kill()
    stopper.wait()
    eventually(lambda: state(redis.pid) != psutil.STATUS_STOPPED, "it goes on")


def test_what_is_no_child_of_the_run_is_not_touched(redis: Started, tmp_path: Path) -> None:
    """The file of a run that was killed names numbers that may be anybody's by now."""
    path = tmp_path / "processes.json"
    assert process_of(path, "redis") == redis.pid
    path.write_text(json.dumps({"run": os.getppid(), "processes": {"redis": redis.pid}}))
    assert process_of(path, "redis") is None
    with pytest.raises(FatalError, match="no redis of its own"), paused("redis", scene(tmp_path)):
        pass
    assert state(redis.pid) != psutil.STATUS_STOPPED


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"run": "x", "processes": {"redis": null}}'])
def test_a_file_that_names_none_names_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    path.write_text(text)
    assert process_of(path, "redis") is None
    assert process_of(tmp_path / "absent", "redis") is None


def test_a_service_is_killed_when_it_is_back_and_that_was_seen(redis: Started, tmp_path: Path) -> None:
    file, market = ProcessFile(tmp_path / "processes.json"), Market()
    started = [redis]
    try:
        with killed("redis", 2, scene(tmp_path, market)) as keep:
            assert started[0].process.wait() == -signal.SIGKILL
            keep()
            started.append(Started())
            file.write({"redis": started[1]})
            keep()  # Prometheus has not seen it
            assert started[1].process.poll() is None
            market.now_s += 1
            keep()
            assert started[1].process.wait() == -signal.SIGKILL
            started.append(Started())
            file.write({"redis": started[2]})
            market.now_s += 1
            keep()  # often enough
            assert started[2].process.poll() is None
    finally:
        started[-1].process.kill()
        started[-1].process.wait()


def test_a_service_that_does_not_run_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="no labeler of its own"), killed("labeler", 3, scene(tmp_path)):
        pass


def fault(kind: EventKind, lasts_s: int | None, of: Scene) -> MarketFault:
    return MarketFault(kind, lasts_s, of.run, of.prometheus)


def events(folder: Path) -> list[MarketEvent]:
    return parse_events((folder / "market-events").read_text())[0]


def test_an_event_is_put_down_with_notice(tmp_path: Path) -> None:
    of = scene(tmp_path, Market(moves_s=100))
    with happens(fault(EventKind.BURST, 30, of), of):
        (event,) = events(tmp_path)
    assert event.from_s >= NOW_S + NOTICE_S + 60 * 12
    assert event.to_s == event.from_s + 30 * 60
    assert events(tmp_path) == [event]


def test_a_gap_is_cut_short_and_ingest_started_again(redis: Started, tmp_path: Path) -> None:
    of = scene(tmp_path, Market(moves_s=100))
    with happens(fault(EventKind.GAP, 1_800, of), of):
        (event,) = events(tmp_path)
    (shorter,) = events(tmp_path)
    assert shorter.from_s == event.from_s
    assert of.prometheus.value("") > shorter.from_s  # type: ignore[operator]
    assert shorter.from_s < shorter.to_s < event.to_s
    assert redis.process.wait() == -signal.SIGTERM


def test_an_event_that_has_not_begun_is_taken_back(redis: Started, tmp_path: Path) -> None:
    (tmp_path / "market-events").write_text("burst 5 9\n")
    of = scene(tmp_path)  # whose market stands still
    with pytest.raises(FatalError, match="the gap begins"), happens(fault(EventKind.GAP, 1_800, of), of):
        pass
    assert events(tmp_path) == [MarketEvent(EventKind.BURST, 5, 9)]
    assert redis.process.wait() == -signal.SIGTERM


def test_a_flip_on_a_flip_ends_it(tmp_path: Path) -> None:
    of = scene(tmp_path, Market(moves_s=100))
    with happens(fault(EventKind.FLIP, None, of), of):
        (first,) = events(tmp_path)
    assert first.to_s == SECOND_MAX
    with happens(fault(EventKind.FLIP, None, of), of):
        pass
    (turned_back,) = events(tmp_path)
    assert turned_back.from_s == first.from_s
    assert turned_back.to_s < SECOND_MAX


@pytest.mark.parametrize(
    ("kind", "run", "words"),
    [
        (EventKind.GAP, {"simulated": False}, "needs a simulated market"),
        (EventKind.GAP, {"speed": None}, "at a speed"),
    ],
)
def test_a_market_that_cannot_be_told_says_so(
    kind: EventKind, run: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(FatalError, match=words):
        fault(kind, 30, scene(tmp_path, **run))


RUN = {
    "lasting": {"feed": "sim", "instrument": "BTC-USD"},
    "changing": {"speed": "60"},
    "addresses": {"kafka": "127.0.0.1:1", "redis": "redis://127.0.0.1:2/0", "predictor": "127.0.0.1:3"},
    "prometheus": "http://127.0.0.1:4",
}


def save(folder: Path, **changed: object) -> DataDir:
    data = DataDir(folder)
    data.prepare()
    data.save_run({**RUN, **changed})
    return data


def test_a_run_is_found_by_its_directory(tmp_path: Path) -> None:
    with save(tmp_path).lock_dir():
        found = going_run(tmp_path)
    assert (found.instrument, found.redis, found.speed) == ("sim:BTC-USD", "redis://127.0.0.1:2/0", 60.0)
    assert found.simulated


def test_the_newest_that_goes_on_is_taken(tmp_path: Path) -> None:
    save(tmp_path / "ended")
    with save(tmp_path / "first").lock_dir(), save(tmp_path / "second").lock_dir():
        os.utime(tmp_path / "first/run.json", (1, 1))
        save(tmp_path / "third, ended")
        assert newest_going(tmp_path) == tmp_path / "second"
    with pytest.raises(FatalError, match="no run below"):
        newest_going(tmp_path)
    with pytest.raises(FatalError, match="no run below"):
        newest_going(tmp_path / "absent")


def test_what_is_no_run_that_is_looked_at_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="no data directory of a run"):
        going_run(tmp_path)
    data = save(tmp_path)
    with pytest.raises(FatalError, match="has ended"):
        going_run(tmp_path)
    data.save_run({name: value for name, value in RUN.items() if name != "prometheus"})
    with data.lock_dir(), pytest.raises(FatalError, match="nobody observes"):
        going_run(tmp_path)
    data.save_run({"prometheus": "http://x", "lasting": []})
    with data.lock_dir(), pytest.raises(FatalError, match="does not say what a run says"):
        going_run(tmp_path)
