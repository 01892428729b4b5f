"""The scheduler: one generator decides who runs next and for how long; a plan says what fails. No clock, no waiting."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from random import Random

from confluent_kafka import KafkaException

from tests.simulation import failures
from tests.simulation.consumer import SimConsumer
from tests.simulation.network import Kept, Network, Request
from tests.simulation.plan import Fault
from tests.simulation.stage import Killed
from tests.simulation.strands import Strand
from tidewheel.runtime.process import Unusable

STEP_S = 0.001
STEPS_MAX = 400_000
QUANTA = (1, 2, 5, 20, 100, 100, 500, 500, 2000)
CALM_ROUNDS = 12
SESSION_STEPS = 20  # far less than a session: with many idle processes time goes on fast
# A process that ends so is started again, and nothing is wrong.
FORGIVEN = ("has taken over", "has not answered")
# One that ends so, or as the first of these though nobody has taken over, is started again too, so that what came of it
# is judged first; but no run may end well with it.
GIVES_UP = "INVALID_TXN_STATE"


class Failed(Exception):
    """A run that must not end so; the message says why."""


class Actor:
    """One process, from its start to its end: the stage of its clients."""

    def __init__(self, world: "World", role: str, number: int) -> None:
        self._world = world
        self.role = role
        self.number = number
        self.name = f"{role}.{number}"
        self.dead = False
        self.asleep_until = 0
        self.stopping = False
        self.comes_again_after = 0  # steps from a clean end to the next process; 0: there is none
        self.strands: list[Strand] = []
        self.consumers: list[SimConsumer] = []
        self.farewells: list[Callable[[], None]] = []  # what the broker does once it misses this process

    def before(self, effect: str) -> None:
        self._world.boundary(self, effect, "before")

    def after(self, effect: str) -> None:
        self._world.boundary(self, effect, "after")

    def idle(self, wait_s: float) -> None:
        self._world.rest(self, wait_s)

    def sent(self, request: Request, owner: str, copy: Callable[[], object]) -> str:
        return self._world.sent(self, request, owner, copy)

    def sees(self, topic: str) -> bool:
        return (self.role.partition("-")[0], topic) not in self._world.delayed

    def go_back(self, records: int) -> None:
        """A fault: this process's consumers read again."""
        for consumer in self.consumers:
            consumer.go_back(records)

    def run(self, body: Callable[[], None]) -> None:
        """A thread more of this process."""
        self.strands.append(Strand(self.name, body))


Start = Callable[[Actor], None]


class World:
    """`starts`: by kind of role, what begins a process of it. `version`: counts what anyone may see."""

    def __init__(
        self, seed: int, faults: Iterable[Fault], starts: dict[str, Start], version: Callable[[], int], verbose: bool
    ) -> None:
        self.chance = Random(seed)
        self.now_s = 0.0
        self.steps = 0
        self.actors: list[Actor] = []
        self._missed: list[Actor] = []  # gone, and the broker has not noticed
        self.delayed: Counter[tuple[str, str]] = Counter()
        self.trace: list[str] = []
        self.fired: list[Fault] = []
        self.met: set[tuple[str, str, str]] = set()  # kind of service, effect, side
        self.ended: set[str] = set()  # roles whose work is done
        self.gave_up = ""  # which process first ended for a reason that is none, and its words
        self.background: Callable[[], None] = lambda: None  # what the broker does beside everything
        self.on_fault: dict[str, Callable[[Fault], None]] = {}
        self.on_arrival: Callable[[str], None] = lambda owner: None  # of a request that came late
        self.network = Network(lambda steps: self.later(steps, self._deliver), self._arrived)
        self._starts = starts
        self._version = version
        self._verbose = verbose
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._at: dict[tuple[str, str, str, int], Fault] = {}
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._numbers: Counter[str] = Counter()
        self._current: tuple[Actor, Strand] | None = None
        self._calm = 0  # turns in which nothing changed
        self._quantum = 0
        for fault in faults:
            self._arrange(fault)

    def say(self, words: str) -> None:
        if self._verbose:
            self.trace.append(f"{self.steps:>7} {words}")

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
        self.fired.append(fault)
        self.say(f"-- {fault}")
        if fault.kind == "delay":
            key = (fault.role, fault.how)
            self.delayed[key] += 1
            self.later(fault.more, lambda: self._see_again(key))
        elif fault.kind == "scale":
            self.start(fault.role)
            self.later(fault.more, lambda: self.stop(fault.role))
        elif fault.kind == "stop":
            self.stop(fault.role, comes_again_after=fault.more)
        elif fault.kind == "refence":
            self._refence(fault.role)
        else:
            self.on_fault[fault.kind](fault)

    def _see_again(self, key: tuple[str, str]) -> None:
        self.delayed[key] -= 1
        if not self.delayed[key]:
            del self.delayed[key]

    def boundary(self, actor: Actor, effect: str, side: str) -> None:
        """One side of one effect of a process."""
        if actor.dead:
            raise Killed
        key = (actor.role, effect, side)
        self._counts[key] += 1
        self.met.add((actor.role.partition("-")[0], effect, side))
        self.steps += 1
        self.now_s += STEP_S
        if 0 < self.network.next_due <= self.steps:
            self._deliver()
        if fault := self._at.pop((*key, self._counts[key]), None):
            self._strike(actor, fault)
        self._quantum -= 1
        if self._quantum <= 0:
            self._pause(actor)

    def sent(self, actor: Actor, request: Request, owner: str, copy: Callable[[], object]) -> str:
        """A process sends a request. Returns what the network does with it; a copy that it keeps comes late."""
        if actor.dead:
            raise Killed
        self.network.passes(request, owner, self.steps)
        key = (actor.role, request, "sent")
        self._counts[key] += 1
        self.met.add((actor.role.partition("-")[0], request, "sent"))
        fault = self._at.pop((*key, self._counts[key]), None)
        if fault is None:
            return ""
        self.fired.append(fault)
        self.say(f"{actor.name}: {fault}")
        self.network.keep(Kept(request, owner, copy, fault.behind, fault.more), self.steps)
        return fault.how

    def _deliver(self) -> None:
        self.network.deliver(self.steps)

    def _arrived(self, kept: Kept, answer: str) -> None:
        self.say(f"-- {kept.request} of {kept.owner} comes late and is {answer}")
        self.on_arrival(kept.owner)

    def rest(self, actor: Actor, wait_s: float) -> None:
        """A process with nothing to do."""
        if actor.dead:
            raise Killed
        self.steps += 1
        self.now_s += max(wait_s, STEP_S)
        self._pause(actor)

    def _pause(self, actor: Actor) -> None:
        assert self._current is not None
        self._current[1].pause()
        if actor.dead:
            raise Killed

    def _strike(self, actor: Actor, fault: Fault) -> None:
        self.fired.append(fault)
        self.say(f"{actor.name}: {fault}")
        if fault.kind == "crash":
            actor.dead = True
            self.later(fault.more, lambda: self.start(fault.role))
            raise Killed
        if fault.kind == "pause":
            self._put_to_sleep(actor, fault)
        elif fault.kind == "reread":
            actor.go_back(fault.more)
        elif fault.kind == "error":
            self._err(fault)

    def _put_to_sleep(self, actor: Actor, fault: Fault) -> None:
        actor.asleep_until = self.steps + fault.more
        if fault.how == "replaced":
            self.later(min(fault.more // 3, 100), lambda: self.start(fault.role))
        elif fault.how == "expelled":
            self.later(fault.more // 3, lambda: self.expel(fault.role))
        self._pause(actor)

    def _err(self, fault: Fault) -> None:
        """A call fails: `late`, and nothing was done; `lost`, though it was (arranged for its other side)."""
        if fault.how == "lost" and fault.side == "before":
            count_now = self._counts[fault.role, fault.effect, "after"] + 1
            after = Fault("error", fault.role, count_now, fault.effect, "after", "late", fault.more)
            self._at[fault.role, fault.effect, "after", count_now] = after
            return
        if fault.more > 1 and fault.side == "before":
            again = Fault("error", fault.role, fault.at + 1, fault.effect, "before", fault.how, fault.more - 1)
            self._at.setdefault((again.role, again.effect, "before", again.at), again)
        raise failures.drawn(fault.how, fault.effect)

    # ---- processes ----

    def start(self, role: str) -> None:
        """A new process of a role; an older one may still be there, asleep."""
        if role in self.ended:
            return
        self._numbers[role] += 1
        actor = Actor(self, role, self._numbers[role])
        self.say(f"{actor.name} starts")
        self._starts[role.partition("-")[0]](actor)
        self.actors.append(actor)

    def forget(self, actor: Actor) -> None:
        """The broker ends a process's sessions and its transaction, unless they are another's by now."""
        for farewell in actor.farewells:
            farewell()

    def _forget_missed(self, actor: Actor) -> None:
        self._missed.remove(actor)
        self.forget(actor)

    def expel(self, role: str) -> None:
        """As `forget`, for processes that only sleep."""
        for actor in self.actors:
            if actor.role == role and actor.asleep_until > self.steps:
                self.forget(actor)

    def stop(self, role: str, comes_again_after: int = 0) -> None:
        """Ask a role's processes to end."""
        for actor in self.actors:
            if actor.role == role:
                actor.stopping, actor.comes_again_after = True, comes_again_after

    def _refence(self, role: str) -> None:
        """The clients of a role's newest process are fenced by what they were themselves, each once."""
        for actor in [actor for actor in self.actors if actor.role == role][-1:]:
            for consumer in actor.consumers:
                self.later(SESSION_STEPS, consumer.fences_itself())

    def run(self) -> None:
        """Until nothing more happens. Raises Failed for what must not happen."""
        try:
            while self._turn() or not self._at_rest():
                if self.steps > STEPS_MAX:
                    raise Failed("it did not come to rest")
        finally:
            self._end_all()

    def _turn(self) -> bool:
        """One process goes on for a while; False when all is calm and nothing is to come."""
        while self._events and self._events[0][0] <= self.steps:
            heapq.heappop(self._events)[2]()
        awake = [actor for actor in self.actors if actor.asleep_until <= self.steps]
        if not awake:
            self.steps += 10
            return bool(self.actors or self._events)
        before = self._version()
        self.background()
        actor = self.chance.choice(awake)
        strand = self.chance.choice(actor.strands) if len(actor.strands) > 1 else actor.strands[0]
        self._resume(actor, strand, self.chance.choice(QUANTA))
        self._calm = 0 if self._version() != before else self._calm + 1
        if self._calm > 4 * len(self.actors):
            # Nothing moves: what is to come comes now.
            self.steps = max([self.steps, *(event[0] for event in self._events[:1])])
            sleepers = [actor.asleep_until for actor in self.actors if actor.asleep_until > self.steps]
            if not self._events and sleepers:
                self.steps = min(sleepers)
            return bool(self._events or sleepers)
        return True

    def _at_rest(self) -> bool:
        """Whether nobody moves anything any more, though each thread of each process is asked: by chance a working one
        may be passed over a dozen times."""
        before = self._version()
        for _ in range(CALM_ROUNDS):
            self.background()
            for actor in list(self.actors):
                for strand in list(actor.strands):
                    if strand in actor.strands:  # its process may have ended with another one
                        self._resume(actor, strand, max(QUANTA))
            if self._version() != before or self._events:
                self._calm = 0
                return False
        return True

    def _resume(self, actor: Actor, strand: Strand, quantum: int) -> None:
        self._current, self._quantum = (actor, strand), quantum
        strand.resume()
        if strand.done:
            self._ended(actor, strand)

    def _ended(self, actor: Actor, strand: Strand) -> None:
        """A thread ended, and its process with it, unless it was a helper that did its work."""
        actor.strands.remove(strand)
        if strand.failure is None and actor.strands:
            return
        actor.dead = True
        self._unwind(actor)
        if actor in self.actors:
            self.actors.remove(actor)
        self._missed.append(actor)
        self.later(self.chance.choice((50, 400)), lambda: self._forget_missed(actor))
        failure = strand.failure
        if failure is None:
            self.say(f"{actor.name} is done")
            if actor.comes_again_after:
                self.later(actor.comes_again_after, lambda: self._start_if_gone(actor.role))
            return
        if isinstance(failure, Killed):
            self.say(f"{actor.name} is gone")
            return
        words = failure.args[0].str() if isinstance(failure, KafkaException) else str(failure)
        self.say(f"{actor.name} ends: {type(failure).__name__} {words}")
        if isinstance(failure, Unusable) and self._gives_up(actor, words):
            self.gave_up = self.gave_up or f"{actor.name} gave up: {words}"
        elif not isinstance(failure, KafkaException) and not (
            isinstance(failure, Unusable) and any(part in words for part in FORGIVEN)
        ):
            raise Failed(f"{actor.name} failed\n{strand.words}")
        if isinstance(failure, KafkaException) and failures.wants_abort(failure):
            raise Failed(f"{actor.name} ended of what an abort would have mended\n{strand.words}")
        if not actor.stopping or actor.comes_again_after:
            self.later(20, lambda: self._start_if_gone(actor.role))

    def _gives_up(self, actor: Actor, words: str) -> bool:
        """Whether a process ends of what it should have survived: of another one of its role that there was not, and
        of which the broker did not know any more."""
        missed = any(one.role == actor.role for one in self._missed if one is not actor)
        alone = actor.number == self._numbers[actor.role] and not self._is_there(actor.role) and not missed
        return GIVES_UP in words or (alone and FORGIVEN[0] in words)

    def _start_if_gone(self, role: str) -> None:
        if not self._is_there(role):
            self.start(role)

    def _is_there(self, role: str) -> bool:
        return any(actor.role == role for actor in self.actors)

    def _unwind(self, actor: Actor) -> None:
        """Let the other threads of a dead process come to their end."""
        while actor.strands:
            strand = actor.strands.pop()
            self._current = (actor, strand)
            while not strand.done:
                strand.resume()

    def _end_all(self) -> None:
        for actor in self.actors:
            actor.dead = True
            self._unwind(actor)
