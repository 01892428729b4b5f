"""The supervisor with real, tiny child processes and a clock that the test turns."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidewheel.local.processes.shutdown import Grace, kill_all, stop_in_order
from tidewheel.local.processes.subprocesses import StartError, start
from tidewheel.local.processes.supervisor import Phase, PhaseChange, ProcessSpec, Supervisor

FOREVER = "import signal; signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\nwhile 1: signal.pause()"
)


class Answers:
    """Says that the children named in `ready` are ready."""

    def __init__(self) -> None:
        self.ready: set[str] = set()
        self.forgotten: list[str] = []
        self.stalled_for_s: dict[str, float] = {}

    def reset(self, name: str) -> None:
        self.forgotten.append(name)

    def is_ready(self, name: str) -> bool:
        return name in self.ready

    def stalled_s(self, name: str) -> float:
        return self.stalled_for_s.get(name, 0.0)


class Rig:
    """A supervisor over `python -c` children, with all that it is handed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 0.0
        self.answers = Answers()
        self.specs: list[ProcessSpec] = []
        self.started: list[subprocess.Popen[bytes]] = []
        self.made: Supervisor | None = None

    def child(self, name: str, code: str, needs: tuple[str, ...] = (), done: bool = False) -> None:
        self.specs.append(
            ProcessSpec(
                name, lambda: [sys.executable, "-c", code], self.folder / name, needs=needs, done_when=lambda: done
            )
        )

    @property
    def supervisor(self) -> Supervisor:
        if self.made is None:
            self.made = Supervisor(self.specs, self._spawn, self.answers, lambda: self.now_s)
        return self.made

    def _spawn(self, spec: ProcessSpec) -> "subprocess.Popen[bytes]":
        process = start(spec.command(), spec.log)
        self.started.append(process)
        return process

    def until(self, reached: Callable[[], bool]) -> list[PhaseChange]:
        """Tick, with the clock standing still, until something holds; a child that ends is waited for."""
        happened = []
        for _ in range(100):
            happened += self.supervisor.step()
            if reached():
                return happened
            for child in self.supervisor.processes.values():
                if child.process is not None:
                    try:
                        child.process.wait(0.1)
                    except subprocess.TimeoutExpired:
                        continue
        raise AssertionError(f"not reached; happened: {happened}")

    def phase(self, name: str) -> Phase:
        return self.supervisor.phase(name)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    kill_all({str(process.pid): process for process in made.started})


def test_a_child_waits_for_what_it_needs(rig: Rig) -> None:
    rig.child("broker", FOREVER)
    rig.child("service", FOREVER, needs=("broker",))
    rig.supervisor.step()
    rig.supervisor.step()
    assert (rig.phase("broker"), rig.phase("service")) == (Phase.STARTING, Phase.WAITING)
    rig.answers.ready.add("broker")
    rig.supervisor.step()
    assert (rig.phase("broker"), rig.phase("service")) == (Phase.READY, Phase.STARTING)
    rig.answers.ready.add("service")
    rig.supervisor.step()
    assert rig.phase("service") is Phase.READY


def test_a_crash_is_told_counted_and_mended_after_the_pause(rig: Rig) -> None:
    rig.child("service", "import sys; print('it broke: Error 7'); sys.exit(9)")
    happened = rig.until(lambda: rig.phase("service") is Phase.RESTARTING)
    assert happened[-1].detail == "ended with code 9: it broke: Error 7; starting again in 0.5 s"
    assert rig.supervisor.restarts() == {"service": 1}
    rig.now_s = 0.49
    rig.supervisor.step()
    assert rig.phase("service") is Phase.RESTARTING
    rig.now_s = 0.5
    rig.supervisor.step()
    assert rig.phase("service") is Phase.STARTING
    assert rig.answers.forgotten == ["service", "service"]


def test_only_the_log_of_this_start_speaks(rig: Rig) -> None:
    (rig.folder / "service").write_text("Error: of an earlier run\n")
    rig.child("service", "import sys; print('bye'); sys.exit(9)")
    happened = rig.until(lambda: rig.phase("service") is Phase.RESTARTING)
    assert "bye" in happened[-1].detail


def test_a_signal_is_named(rig: Rig) -> None:
    rig.child("service", "import os; os.kill(os.getpid(), 9)")
    happened = rig.until(lambda: rig.phase("service") is Phase.RESTARTING)
    assert happened[-1].detail == "ended by signal 9; starting again in 0.5 s"


def test_code_0_ends_the_feed_and_nothing_else(rig: Rig) -> None:
    rig.child("ingest", "", done=True)
    rig.child("labeler", "")
    rig.until(lambda: rig.phase("ingest") is Phase.DONE and rig.phase("labeler") is Phase.RESTARTING)
    rig.now_s = 1000.0
    rig.supervisor.step()
    assert rig.phase("ingest") is Phase.DONE
    assert rig.supervisor.restarts() == {"ingest": 0, "labeler": 1}


def test_a_child_that_stands_still_is_killed_and_started_again(rig: Rig) -> None:
    rig.child("service", FOREVER)
    rig.answers.stalled_for_s["service"] = 119.0
    rig.supervisor.step()
    rig.supervisor.step()
    assert rig.phase("service") is Phase.STARTING
    rig.answers.ready.add("service")
    rig.supervisor.step()
    happened = rig.supervisor.step()
    assert happened[-1].detail == "killed, since it stood still; starting again in 0.5 s"
    assert rig.started[0].returncode == -9
    assert rig.supervisor.restarts() == {"service": 1}


def test_one_that_was_killed_for_standing_still_gets_longer_the_next_time(rig: Rig) -> None:
    """Where processors are wanting, to start it again makes all the others slower."""
    rig.child("service", FOREVER)
    rig.answers.ready.add("service")
    rig.until(lambda: rig.phase("service") is Phase.READY)
    for kills, limit_s in enumerate((15.0, 30.0, 60.0, 120.0, 120.0), start=1):
        rig.answers.stalled_for_s["service"] = limit_s - 1
        rig.supervisor.step()
        assert rig.phase("service") is Phase.READY
        rig.answers.stalled_for_s["service"] = limit_s
        rig.supervisor.step()
        assert rig.supervisor.restarts() == {"service": kills}
        rig.answers.stalled_for_s["service"] = 0.0
        rig.now_s += 60.0
        rig.until(lambda: rig.phase("service") is Phase.READY)
    rig.now_s += 600.0
    for limit_s in (120.0, 30.0):
        rig.answers.stalled_for_s["service"] = limit_s
        rig.supervisor.step()
        assert rig.phase("service") is Phase.RESTARTING, "after ten minutes of readiness it is the usual again"
        rig.answers.stalled_for_s["service"] = 0.0
        rig.now_s += 60.0
        rig.until(lambda: rig.phase("service") is Phase.READY)


def test_bad_settings_end_the_run_at_once(rig: Rig) -> None:
    rig.child("service", "import sys; print('TIDEWHEEL_X is not set'); sys.exit(2)")
    rig.until(lambda: rig.phase("service") is Phase.GIVEN_UP)
    assert rig.supervisor.failure == "service cannot use its settings: TIDEWHEEL_X is not set"
    assert rig.supervisor.restarts() == {"service": 0}


def test_what_would_fail_again_ends_the_run_at_once(rig: Rig) -> None:
    rig.child("service", "import sys; print('2026-01-02T03:04:05Z ingest ERROR x.csv is empty'); sys.exit(3)")
    rig.until(lambda: rig.phase("service") is Phase.GIVEN_UP)
    assert rig.supervisor.failure == "service cannot go on: ingest ERROR x.csv is empty"
    assert rig.supervisor.restarts() == {"service": 0}


def test_a_child_that_never_gets_ready_ends_the_run(rig: Rig) -> None:
    rig.child("service", "raise SystemExit('no way')")

    def later() -> bool:
        rig.now_s += 100.0 if rig.phase("service") is Phase.RESTARTING else 0.0
        return rig.phase("service") is Phase.GIVEN_UP

    rig.until(later)
    assert rig.supervisor.failure == "service keeps failing: ended with code 1: no way"
    assert len(rig.started) == 3


def test_without_an_optional_child_the_others_go_on(rig: Rig) -> None:
    rig.specs.append(
        ProcessSpec("watcher", lambda: [sys.executable, "-c", "raise SystemExit(2)"], rig.folder / "w", optional=True)
    )
    rig.until(lambda: rig.phase("watcher") is Phase.GIVEN_UP)
    assert rig.supervisor.failure is None


def test_killed_again_and_again_before_it_is_ready_is_given_up_too(rig: Rig) -> None:
    rig.child("service", "import os; os.kill(os.getpid(), 9)")

    def later() -> bool:
        rig.now_s += 100.0 if rig.phase("service") is Phase.RESTARTING else 0.0
        return rig.phase("service") is Phase.GIVEN_UP

    rig.until(later)
    assert len(rig.started) == 5


def test_code_0_that_was_no_end_is_a_crash(rig: Rig) -> None:
    rig.child("ingest", "", done=True)
    rig.until(lambda: rig.phase("ingest") is Phase.DONE)
    rig.supervisor.reject_done("ingest", "ended before the feed did")
    assert rig.supervisor.step()[-1].detail == "ended before the feed did; starting again in 0.5 s"
    rig.now_s = 0.5
    rig.supervisor.step()
    assert rig.phase("ingest") is Phase.STARTING


def test_a_child_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    tries = []

    def spawn(spec: ProcessSpec) -> "subprocess.Popen[bytes]":
        tries.append(spec.name)
        raise StartError("port 9 is in use")

    spec = ProcessSpec("service", list, tmp_path / "log")
    supervisor = Supervisor([spec], spawn, Answers(), lambda: 100.0 * len(tries))
    while supervisor.failure is None:
        supervisor.step()
    assert len(tries) == 5
    assert supervisor.failure == "service keeps failing: port 9 is in use"


def test_losing_the_broker_is_not_the_services_fault(rig: Rig) -> None:
    rig.child("broker", "import sys; sys.stdin.read(); sys.exit(1)")
    rig.child("service", "raise SystemExit(1)", needs=("broker",))
    rig.answers.ready.add("broker")
    for _ in range(8):
        rig.until(lambda: rig.phase("broker") is Phase.RESTARTING and rig.phase("service") is not Phase.STARTING)
        rig.now_s += 100.0
        rig.supervisor.step()
    assert rig.supervisor.failure is None


def test_stopping_goes_in_order_and_kills_what_does_not_listen(rig: Rig) -> None:
    rig.child("first", FOREVER)
    rig.child("deaf", STUBBORN)
    rig.supervisor.step()
    while "deaf" not in (rig.folder / "deaf").read_text():
        pass
    processes = rig.supervisor.running(["first", "deaf"])
    turned_s = [0.0]

    def pause() -> None:
        """A tenth of a second passes on the clock that counts, once the willing child has ended."""
        processes["first"].wait(10)
        turned_s[0] += 0.1

    killed = stop_in_order(processes, Grace(each_s=1.0, limit_s=2.0), lambda: turned_s[0], pause)
    assert killed == ["deaf"]
    assert (processes["first"].returncode, processes["deaf"].returncode) == (-15, -9)
    rig.supervisor.mark_stopped(["first", "deaf"])
    assert rig.supervisor.step() == []
    assert rig.phase("deaf") is Phase.STOPPED
