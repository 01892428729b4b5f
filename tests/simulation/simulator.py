"""The simulator: one generator decides who runs next and for how long; a plan says what fails. No clock, no waiting."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from random import Random

from confluent_kafka import KafkaException

from tests.simulation import errors
from tests.simulation.consumer import SimConsumer
from tests.simulation.fault_plan import Fault
from tests.simulation.injector import ProcessKilled
from tests.simulation.network import ApiKey, DelayedRequest, Network
from tests.simulation.threads import SimThread
from tidewheel.runtime.process import FatalError

STEP_S = 0.001
STEPS_MAX = 400_000
QUANTA = (1, 2, 5, 20, 100, 100, 500, 500, 2000)
QUIESCENT_ROUNDS, QUIESCENT_ROUNDS_MAX = 12, 200
SESSION_STEPS = 20  # far less than a session: with many idle processes time goes on fast
# A process that ends so is started again, and nothing is wrong.
TOLERATED_ERRORS = ("has taken over", "has not answered")
# One that ends so, or as the first of these though nobody has taken over, is started again too, so that what came of
# it is judged first; but no run may end well with it.
FATAL_STATE_ERROR = "INVALID_TXN_STATE"


class SimulationError(Exception):
    """A run that must not end so; the message says why."""


class SimProcess:
    """One process, from its start to its end: the fault injector of its clients."""

    def __init__(self, simulator: "Simulator", role: str, number: int) -> None:
        self._simulator = simulator
        self.role = role
        self.number = number
        self.name = f"{role}.{number}"
        self.dead = False
        self.paused_until_step = 0
        self.stopping = False
        self.restart_after_steps = 0  # steps from a clean end to the next process; 0: there is none
        self.threads: list[SimThread] = []
        self.consumers: list[SimConsumer] = []
        # What the broker does once it misses this process.
        self.session_timeout_callbacks: list[Callable[[], None]] = []

    def before(self, effect: str) -> None:
        self._simulator.on_effect(self, effect, "before")

    def after(self, effect: str) -> None:
        self._simulator.on_effect(self, effect, "after")

    def idle(self, wait_s: float) -> None:
        self._simulator.on_idle(self, wait_s)

    def sent(self, request: ApiKey, owner: str, copy: Callable[[], object]) -> str:
        return self._simulator.sent(self, request, owner, copy)

    def sees(self, topic: str) -> bool:
        return (self.role.partition("-")[0], topic) not in self._simulator.delayed

    def rewind(self, records: int) -> None:
        """A fault: this process's consumers read again."""
        for consumer in self.consumers:
            consumer.rewind(records)

    def run(self, body: Callable[[], None]) -> None:
        """A thread more of this process."""
        self.threads.append(SimThread(self.name, body))


ProcessFactory = Callable[[SimProcess], None]


class Simulator:
    """`factories`: by kind of role, what begins a process of it. `version`: counts what anyone may see."""

    def __init__(
        self,
        seed: int,
        faults: Iterable[Fault],
        factories: dict[str, ProcessFactory],
        version: Callable[[], int],
        verbose: bool,
    ) -> None:
        self.chance = Random(seed)
        self.now_s = 0.0
        self.steps = 0
        self.processes: list[SimProcess] = []
        self._missed: list[SimProcess] = []  # gone, and the broker has not noticed
        self.delayed: Counter[tuple[str, str]] = Counter()
        self.trace: list[str] = []
        self.injected: list[Fault] = []
        self.covered: set[tuple[str, str, str]] = set()  # kind of service, effect, side
        self.ended: set[str] = set()  # roles whose work is done
        self.gave_up = ""  # which process first ended for a reason that is none, and its words
        self.background: Callable[[], None] = lambda: None  # what the broker does beside everything
        self.recovers: Callable[[], bool] = lambda: False  # whether one is not back yet that nobody waits for
        self.on_fault: dict[str, Callable[[Fault], None]] = {}
        self.on_arrival: Callable[[str], None] = lambda owner: None  # of a request that came late
        self.network = Network(lambda steps: self.later(steps, self._deliver), self._arrived)
        self._factories = factories
        self._version = version
        self._verbose = verbose
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._at: dict[tuple[str, str, str, int], Fault] = {}
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._numbers: Counter[str] = Counter()
        self._current: tuple[SimProcess, SimThread] | None = None
        self._idle_turns = 0  # turns in which nothing changed
        self._quantum = 0
        for fault in faults:
            self._arrange(fault)

    def say(self, message: str) -> None:
        if self._verbose:
            self.trace.append(f"{self.steps:>7} {message}")

    # ---- what goes wrong, and when ----

    def _arrange(self, fault: Fault) -> None:
        if fault.effect:
            self._at[fault.role, fault.effect, fault.side, fault.at] = fault
        else:
            self.later(fault.at, lambda: self._happen(fault))

    def later(self, steps: int, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.steps + steps, next(self._order), event))

    def _happen(self, fault: Fault) -> None:
        if fault.kind == "stop" and not self._is_there(fault.role):
            return
        self.injected.append(fault)
        self.say(f"-- {fault}")
        if fault.kind == "delay":
            key = (fault.role, fault.how)
            self.delayed[key] += 1
            self.later(fault.more, lambda: self._undelay(key))
        elif fault.kind == "scale":
            self.start(fault.role)
            self.later(fault.more, lambda: self.stop(fault.role))
        elif fault.kind == "stop":
            self.stop(fault.role, restart_after_steps=fault.more)
        elif fault.kind == "refence":
            self._refence(fault.role)
        else:
            self.on_fault[fault.kind](fault)

    def _undelay(self, key: tuple[str, str]) -> None:
        self.delayed[key] -= 1
        if not self.delayed[key]:
            del self.delayed[key]

    def on_effect(self, process: SimProcess, effect: str, side: str) -> None:
        """One side of one effect of a process."""
        if process.dead:
            raise ProcessKilled
        key = (process.role, effect, side)
        self._counts[key] += 1
        self.covered.add((process.role.partition("-")[0], effect, side))
        self.steps += 1
        self.now_s += STEP_S
        if 0 < self.network.next_due <= self.steps:
            self._deliver()
        if fault := self._at.pop((*key, self._counts[key]), None):
            self._inject(process, fault)
        self._quantum -= 1
        if self._quantum <= 0:
            self._pause(process)

    def sent(self, process: SimProcess, request: ApiKey, owner: str, copy: Callable[[], object]) -> str:
        """A process sends a request. Returns what the network does with it; a copy that it keeps comes late."""
        if process.dead:
            raise ProcessKilled
        self.network.on_request(request, owner, self.steps)
        key = (process.role, request, "sent")
        self._counts[key] += 1
        self.covered.add((process.role.partition("-")[0], request, "sent"))
        fault = self._at.pop((*key, self._counts[key]), None)
        if fault is None:
            return ""
        self.injected.append(fault)
        self.say(f"{process.name}: {fault}")
        self.network.delay(DelayedRequest(request, owner, copy, fault.behind, fault.more), self.steps)
        return fault.how

    def _deliver(self) -> None:
        self.network.deliver(self.steps)

    def _arrived(self, delayed_request: DelayedRequest, answer: str) -> None:
        self.say(f"-- {delayed_request.request} of {delayed_request.owner} comes late and is {answer}")
        self.on_arrival(delayed_request.owner)

    def on_idle(self, process: SimProcess, wait_s: float) -> None:
        """A process with nothing to do."""
        if process.dead:
            raise ProcessKilled
        self.steps += 1
        self.now_s += max(wait_s, STEP_S)
        self._pause(process)

    def _pause(self, process: SimProcess) -> None:
        assert self._current is not None
        self._current[1].pause()
        if process.dead:
            raise ProcessKilled

    def _inject(self, process: SimProcess, fault: Fault) -> None:
        self.injected.append(fault)
        self.say(f"{process.name}: {fault}")
        if fault.kind == "crash":
            process.dead = True
            self.later(fault.more, lambda: self.start(fault.role))
            raise ProcessKilled
        if fault.kind == "pause":
            self._put_to_sleep(process, fault)
        elif fault.kind == "reread":
            process.rewind(fault.more)
        elif fault.kind == "error":
            self._raise_error(fault)

    def _put_to_sleep(self, process: SimProcess, fault: Fault) -> None:
        process.paused_until_step = self.steps + fault.more
        if fault.how == "replaced":
            self.later(min(fault.more // 3, 100), lambda: self.start(fault.role))
        elif fault.how == "expelled":
            self.later(fault.more // 3, lambda: self.expire_paused(fault.role))
        self._pause(process)

    def _raise_error(self, fault: Fault) -> None:
        """A call fails: `late`, and nothing was done; `lost`, though it was (arranged for its other side)."""
        if fault.how == "lost" and fault.side == "before":
            count_now = self._counts[fault.role, fault.effect, "after"] + 1
            after = Fault("error", fault.role, count_now, fault.effect, "after", "late", fault.more)
            self._at[fault.role, fault.effect, "after", count_now] = after
            return
        if fault.more > 1 and fault.side == "before":
            again = Fault("error", fault.role, fault.at + 1, fault.effect, "before", fault.how, fault.more - 1)
            self._at.setdefault((again.role, again.effect, "before", again.at), again)
        raise errors.injected_error(fault.how, fault.effect)

    # ---- processes ----

    def start(self, role: str) -> None:
        """A new process of a role; an older one may still be there, asleep."""
        if role in self.ended:
            return
        self._numbers[role] += 1
        process = SimProcess(self, role, self._numbers[role])
        self.say(f"{process.name} starts")
        self._factories[role.partition("-")[0]](process)
        self.processes.append(process)

    def expire_sessions(self, process: SimProcess) -> None:
        """The broker ends a process's sessions and its transaction, unless they are another's by now."""
        for expire in process.session_timeout_callbacks:
            expire()

    def _expire_missed(self, process: SimProcess) -> None:
        self._missed.remove(process)
        self.expire_sessions(process)

    def expire_paused(self, role: str) -> None:
        """As `expire_sessions`, for processes that are only paused."""
        for process in self.processes:
            if process.role == role and process.paused_until_step > self.steps:
                self.expire_sessions(process)

    def stop(self, role: str, restart_after_steps: int = 0) -> None:
        """Ask a role's processes to end."""
        for process in self.processes:
            if process.role == role:
                process.stopping, process.restart_after_steps = True, restart_after_steps

    def _refence(self, role: str) -> None:
        """The clients of a role's newest process are fenced by what they were themselves, each once."""
        for process in [process for process in self.processes if process.role == role][-1:]:
            for consumer in process.consumers:
                self.later(SESSION_STEPS, consumer.fences_itself())

    def run(self) -> None:
        """Until nothing more happens. Raises SimulationError for what must not happen."""
        try:
            while self._turn() or not self._is_quiescent():
                if self.steps > STEPS_MAX:
                    raise SimulationError("it did not come to rest")
        finally:
            self._end_all()

    def _turn(self) -> bool:
        """One process goes on for a while; False when all is calm and nothing is to come."""
        while self._events and self._events[0][0] <= self.steps:
            heapq.heappop(self._events)[2]()
        awake = [process for process in self.processes if process.paused_until_step <= self.steps]
        if not awake:
            self.steps += 10
            return bool(self.processes or self._events)
        before = self._version()
        self.background()
        process = self.chance.choice(awake)
        thread = self.chance.choice(process.threads) if len(process.threads) > 1 else process.threads[0]
        self._resume(process, thread, self.chance.choice(QUANTA))
        self._idle_turns = 0 if self._version() != before else self._idle_turns + 1
        if self._idle_turns > 4 * len(self.processes):
            # Nothing moves: what is to come comes now.
            self.steps = max([self.steps, *(event[0] for event in self._events[:1])])
            sleepers = [
                process.paused_until_step for process in self.processes if process.paused_until_step > self.steps
            ]
            if not self._events and sleepers:
                self.steps = min(sleepers)
            return bool(self._events or sleepers)
        return True

    def _is_quiescent(self) -> bool:
        """Whether nobody moves anything, though each thread is asked: a dozen times, since it may be passed over."""
        before, left = self._version(), QUIESCENT_ROUNDS
        for _ in range(QUIESCENT_ROUNDS_MAX):
            self.background()
            for process, thread in [(one, thread) for one in self.processes for thread in one.threads]:
                if thread in process.threads:  # its process may have ended with another one
                    self._resume(process, thread, max(QUANTA))
            if self._version() != before or self._events:
                self._idle_turns = 0
                return False
            if not (left := QUIESCENT_ROUNDS if self.recovers() else left - 1):
                break
        return True

    def _resume(self, process: SimProcess, thread: SimThread, quantum: int) -> None:
        self._current, self._quantum = (process, thread), quantum
        thread.resume()
        if thread.done:
            self._ended(process, thread)

    def _ended(self, process: SimProcess, thread: SimThread) -> None:
        """A thread ended, and its process with it, unless it was a helper that did its work."""
        process.threads.remove(thread)
        if thread.failure is None and process.threads:
            return
        process.dead = True
        self._unwind(process)
        if process in self.processes:
            self.processes.remove(process)
        self._missed.append(process)
        self.later(self.chance.choice((50, 400)), lambda: self._expire_missed(process))
        failure = thread.failure
        if failure is None:
            self.say(f"{process.name} is done")
            if process.restart_after_steps:
                self.later(process.restart_after_steps, lambda: self._start_if_gone(process.role))
            return
        if isinstance(failure, ProcessKilled):
            self.say(f"{process.name} is gone")
            return
        message = failure.args[0].str() if isinstance(failure, KafkaException) else str(failure)
        self.say(f"{process.name} ends: {type(failure).__name__} {message}")
        if isinstance(failure, FatalError) and self._gives_up(process, message):
            self.gave_up = self.gave_up or f"{process.name} gave up: {message}"
        elif not isinstance(failure, KafkaException) and not (
            isinstance(failure, FatalError) and any(part in message for part in TOLERATED_ERRORS)
        ):
            raise SimulationError(f"{process.name} failed\n{thread.traceback}")
        if isinstance(failure, KafkaException) and errors.wants_abort(failure):
            raise SimulationError(f"{process.name} ended of what an abort would have mended\n{thread.traceback}")
        if not process.stopping or process.restart_after_steps:
            self.later(20, lambda: self._start_if_gone(process.role))

    def _gives_up(self, process: SimProcess, message: str) -> bool:
        """Whether a process ends of what it should have survived: of another one of its role that there was not, and
        of which the broker did not know any more."""
        missed = any(one.role == process.role for one in self._missed if one is not process)
        alone = process.number == self._numbers[process.role] and not self._is_there(process.role) and not missed
        return FATAL_STATE_ERROR in message or (alone and TOLERATED_ERRORS[0] in message)

    def _start_if_gone(self, role: str) -> None:
        if not self._is_there(role):
            self.start(role)

    def _is_there(self, role: str) -> bool:
        return any(process.role == role for process in self.processes)

    def _unwind(self, process: SimProcess) -> None:
        """Let the other threads of a dead process come to their end."""
        while process.threads:
            thread = process.threads.pop()
            self._current = (process, thread)
            while not thread.done:
                thread.resume()

    def _end_all(self) -> None:
        for process in self.processes:
            process.dead = True
            self._unwind(process)
