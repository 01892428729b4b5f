"""Does what the plan says to a run that goes on: a disturbance is a generator that is asked on ten times a second."""

import json
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from operator import methodcaller
from pathlib import Path
from typing import Protocol

import psutil

from tests.system.chaos.ends import ServiceEnds
from tests.system.chaos.labelers import Labelers
from tests.system.chaos.neighbour import Neighbour
from tests.system.chaos.plan import KAFKA, NEIGHBOUR, REDIS, SERVICES, Disturbance, Kind
from tests.system.driver import RunningProgram, gone

# By which a server's process is known.
SERVERS = {KAFKA: ("kafka.Kafka",), REDIS: ("redis-server", "valkey-server")}
FEED = "ingest"
# For a target to be there and for a labeler to join, on a machine that is busy otherwise.
STEP_LIMIT_S = 60.0
# A run gives a child that is not ready yet two minutes to turn, as a predictor without any model.
STUCK_LIMIT_S = 150.0
HELD_BEFORE_END_S = 6.0
# From the end of a broker to its next start, about as a supervisor would have it.
BROKER_PAUSE_S = 1.0
# Of the run's services those that end for no reason of Kafka's, whatever befalls their requests.
LASTING = ("labeler",)
Steps = Generator[None, None, None]


class Broker(Protocol):
    """One that the run was given: nobody else starts it again. It tampers with requests while it is told to."""

    @property
    def listens(self) -> bool: ...
    def kill(self) -> None: ...
    def launch(self) -> None: ...
    def tamper(self) -> None: ...
    def calm(self) -> None: ...


class DisturbanceRunner:
    """Called again and again while the run goes on. `faults`: what did not come as it must; `ends`: of services."""

    def __init__(
        self,
        plan: Sequence[Disturbance],
        data: Path,
        labelers: Labelers,
        say: Callable[[str], None],
        *,
        neighbour: Neighbour | None = None,
        broker: Broker | None = None,
        stream_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stream_s`: how long the feed lasts by itself, about. `neighbour`: another instrument's, which is kept going
        and outlasts no run. `broker`: None where the run has its own."""
        self.labelers = labelers
        self.done: Counter[Kind] = Counter()
        self.faults: list[str] = []
        self._left = deque(plan)
        self._running: list[tuple[Disturbance, Steps]] = []
        self._data = data
        self._say = say
        self._clock = clock
        self._stream_s = stream_s
        self._neighbour = neighbour
        self._broker = broker
        self.ends = ServiceEnds(data.parent / "out.txt", LASTING, clock)
        self._flows_since_s = self._began_s = math.inf
        self._held = self._calmed = False
        self._stood_still: list[psutil.Process] = []
        self._feed_users = 0
        self._run: RunningProgram | None = None

    def __call__(self, running: RunningProgram) -> None:
        self._run = running
        now_s = self._clock()
        self.ends.look()
        self.labelers.look(self.ends.broker_away)
        if math.isinf(self._began_s):
            self._look(now_s)
        if self._neighbour is not None and math.isfinite(self._began_s):
            self._neighbour.keep(self._kafka())
        self._hold(running, now_s)
        self._calm(now_s)
        while self._left and self._left[0].at_s <= now_s - self._began_s:
            one = self._left.popleft()
            self._say(f"{now_s - self._began_s:6.1f} s  {one}")
            self._running.append((one, self._steps(one)))
        self._running = [(one, steps) for one, steps in self._running if self._goes_on(one, steps)]

    def _look(self, now_s: float) -> None:
        """The plan begins when quotes flow and each service works; the predictor works with the first model only, which
        is too late to begin."""
        output = (self._data.parent / "out.txt").read_text()
        if "first quotes of" in output:
            self._flows_since_s = min(self._flows_since_s, now_s)
            if all(f"{name} ready" in output for name in SERVICES if name != "predictor"):
                self._began_s = now_s
                if self._broker is not None:
                    self._broker.tamper()

    def _hold(self, running: RunningProgram, now_s: float) -> None:
        """On a slow machine the feed would be done before the plan or the neighbour is: then it stands still until they
        are done too, or while one waits for it to end, or for what a labeler does with the next records."""
        late = self._is_late(now_s)
        busy = self._busy and not self._feed_users
        if late and (busy or self._held) and (ingest := running.service(FEED)):
            with suppress(psutil.NoSuchProcess):
                ingest.suspend() if busy else ingest.resume()
            self._held = busy

    def _calm(self, now_s: float) -> None:
        """What is kept is let go before the run's end, which must find nothing open."""
        if self._broker is not None and not self._calmed and self._is_late(now_s) and not self._busy:
            self._broker.calm()
            self._calmed = True

    def _is_late(self, now_s: float) -> bool:
        return now_s > self._flows_since_s + self._stream_s - HELD_BEFORE_END_S

    @property
    def _busy(self) -> bool:
        """Of the plan and the neighbour something is left."""
        return bool(self._left or self._running or self._neighbour_goes_on)

    @property
    def _neighbour_goes_on(self) -> bool:
        return self._neighbour is not None and not self._neighbour.done

    def unfinished(self) -> list[str]:
        """What was not done when the run ended: of the plan, and the neighbour."""
        left = [f"not done: {one}" for one in (*(one for one, _ in self._running), *self._left)]
        return [*left, f"not done: {NEIGHBOUR}"] if self._neighbour_goes_on else left

    def _goes_on(self, one: Disturbance, steps: Steps) -> bool:
        try:
            next(steps)
            return True
        except StopIteration:
            self.done[one.kind] += 1
        except TimeoutError as failure:
            self.faults.append(f"{one}: {failure}")
        return False

    def _steps(self, one: Disturbance) -> Steps:
        match one.kind:
            case Kind.KILL if one.target == KAFKA and self._broker is not None:
                return self._kill_broker(self._broker)
            case Kind.KILL:
                return self._kill(one.target)
            case Kind.END:
                return self._end(one.target)
            case Kind.STAND_STILL | Kind.AWAY:
                return self._stand_still(one.target, one.lasts_s)
            case Kind.STUCK:
                return self._stuck(one.target)
            case Kind.ADD_AND_END | Kind.ADD_AND_KILL:
                return self._add(one.target, one.lasts_s, one.kind is Kind.ADD_AND_KILL)
            case Kind.REPLACE:
                return self._replace(one.target, one.lasts_s)

    def _kill(self, target: str) -> Steps:
        process = yield from self._told(target, methodcaller("kill"))
        yield from self._until(lambda: gone(process), "it has been killed")

    def _kill_broker(self, broker: Broker) -> Steps:
        broker.kill()
        self.ends.broker_went()
        yield from self._passing(BROKER_PAUSE_S)
        broker.launch()
        yield from self._until(lambda: broker.listens, "it has come back")
        self.ends.broker_came()

    def _end(self, target: str) -> Steps:
        process = yield from self._told(target, methodcaller("terminate"))
        with self._flowing() if target == FEED else nullcontext():
            yield from self._until(lambda: gone(process), "it has ended", self._end_limit_s(process))

    def _end_limit_s(self, process: psutil.Process) -> float:
        """One that stands still till the run kills it hears nothing before."""
        return STUCK_LIMIT_S if process in self._stood_still else STEP_LIMIT_S

    def _stand_still(self, target: str, lasts_s: float) -> Steps:
        process = yield from self._told(target, methodcaller("suspend"))
        yield from self._passing(lasts_s)
        with suppress(psutil.NoSuchProcess):
            if not gone(process):  # the run may have killed and replaced it, and its number be another's
                process.resume()

    def _stuck(self, target: str) -> Steps:
        process = yield from self._told(target, methodcaller("suspend"))
        self._stood_still.append(process)
        yield from self._until(lambda: gone(process), "the run has killed it", STUCK_LIMIT_S)

    def _add(self, instance: str, lasts_s: float, killed: bool) -> Steps:
        yield from self._until(lambda: not self.labelers.named(instance), "its name is free")
        added = self.labelers.start(self._kafka(), instance)
        yield from self._until(lambda: added.works, "it has joined")
        yield from self._passing(lasts_s)
        if killed:
            added.kill()
        else:
            added.end()
        yield from self._until(lambda: added.ended, "it has ended")

    def _replace(self, instance: str, lasts_s: float) -> Steps:
        yield from self._until(lambda: not self.labelers.named(instance), "its name is free")
        old = self.labelers.start(self._kafka(), instance)
        yield from self._until(lambda: old.holds_partitions, "it has partitions")
        yield from self._passing(lasts_s)
        old.stand_still()
        new = self.labelers.start(self._kafka(), instance)
        yield from self._until(lambda: new.works, "the other has joined under its name")
        old.replaced = new.rivalled = True
        yield from self._passing(lasts_s)
        old.go_on()
        with self._flowing():
            # The older one may have taken its name back, as its client does that lost its session.
            yield from self._until(lambda: old.ended or new.ended, "one of the two has ended")
        for left in (old, new):
            left.end()
            yield from self._until(lambda left=left: left.ended, "the other one has ended")

    @contextmanager
    def _flowing(self) -> Iterator[None]:
        """The feed is not held meanwhile."""
        self._feed_users += 1
        try:
            yield
        finally:
            self._feed_users -= 1

    def _until(self, true: Callable[[], bool], what: str, limit_s: float = STEP_LIMIT_S) -> Steps:
        """Raises TimeoutError where it does not come."""
        since_s = self._clock()
        while not true():
            if self._clock() - since_s > limit_s:
                raise TimeoutError(f"not within {limit_s:.0f} s: {what}")
            yield

    def _passing(self, seconds: float) -> Steps:
        end_s = self._clock() + seconds
        while self._clock() < end_s:
            yield

    def _told(self, target: str, signal: Callable[[psutil.Process], None]) -> Generator[None, None, psutil.Process]:
        """The target's process, which got the signal: one that ends by itself just then is no disturbed one."""
        while True:
            process = yield from self._found(target)
            try:
                signal(process)
            except psutil.NoSuchProcess:
                yield
            else:
                return process

    def _found(self, target: str) -> Generator[None, None, psutil.Process]:
        """The target's live process, which may be about to be started again."""
        assert self._run is not None
        run, since_s = self._run, self._clock()
        words = SERVERS.get(target, (f"services.{target}",))
        while (process := self._neighbours() if target == NEIGHBOUR else run.child(*words)) is None:
            if self._clock() - since_s > STEP_LIMIT_S:
                raise TimeoutError(f"it was not there for {STEP_LIMIT_S:.0f} s")
            yield
        return process

    def _neighbours(self) -> psutil.Process | None:
        return None if self._neighbour is None else self._neighbour.process

    def _kafka(self) -> str:
        """The run's broker, or what stands before it, as the run itself says."""
        return str(json.loads((self._data / "run.json").read_text())["addresses"]["kafka"])
