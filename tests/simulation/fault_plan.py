"""What goes wrong in a run: faults drawn from a seed before it begins, so that a failing run can do with fewer."""

from dataclasses import dataclass
from random import Random

from tests.simulation.network import ApiKey, NetworkFault
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS

LABELERS = ("labeler-0", "labeler-1")
ORDERBOTS = ("orderbot-0",)
INGESTS = ("ingest-0", "ingest-1")
TRAINERS = ("trainer-0",)
PREDICTORS = ("predictor-0",)
ROLES = (*INGESTS, *ORDERBOTS, *LABELERS, *TRAINERS, *PREDICTORS)
TRANSIENT_LABELERS = ("labeler-2",)

# All that a service does to the world outside, and how often a role comes to it in a run, roughly: faults are put where
# something happens. A test asks for every effect that happens to be here.
EFFECTS_PER_RUN: dict[str, dict[str, int]] = {
    "ingest": {"produce": 750, "consume": 1, "flush": 2, "leave": 4, "poll": 12, "send": 10},
    "orderbot": {"consume": 90, "produce": 1500, "commit_offsets": 10, "flush": 2, "poll": 60, "send": 20, "leave": 1},
    "labeler": {
        "init": 6,
        "begin": 60,
        "produce": 800,
        "send_offsets": 60,
        "commit": 60,
        "end": 60,
        "consume": 250,
        "committed": 4,
        "poll": 60,
        "send": 50,
        "leave": 4,
    },
    "trainer": {
        "consume": 60,
        "committed": 2,
        "produce": 50,
        "flush": 25,
        "commit_offsets": 8,
        "registry": 70,
        "leave": 1,
        "poll": 120,
        "send": 60,
    },
    "predictor": {"registry": 150, "consume": 90, "leave": 1},
}
# What a call may answer: `late`, nothing was done; `lost`, though it was; `told`, an error in the place of records.
ERRORS: dict[str, dict[str, tuple[str, ...]]] = {
    "ingest": {"produce": ("full",), "send": ("late", "lost"), "flush": ("late",), "consume": ("told",)},
    "orderbot": {"produce": ("late",), "send": ("late", "lost"), "commit_offsets": ("late", "lost")},
    "labeler": {
        "produce": ("refused", "full"),
        "send": ("late", "lost"),
        "send_offsets": ("late", "lost", "abortable"),
        "commit": ("late", "lost", "abortable"),
        "end": ("late",),
        "consume": ("told",),
        "committed": ("late",),
        "init": ("late", "lost"),
    },
    "trainer": {
        "registry": ("late", "lost"),
        "commit_offsets": ("late", "lost"),
        "send": ("late", "lost"),
        "flush": ("late",),
        "consume": ("told",),
        "committed": ("late",),
    },
    "predictor": {"registry": ("late", "lost"), "consume": ("told",)},
}
# Requests that may come late, how often a role sends them, roughly, and how often one is drawn.
DELAYABLE_REQUESTS: dict[str, dict[ApiKey, tuple[int, int]]] = {
    "labeler": {
        ApiKey.END: (60, 6),
        ApiKey.TXN_OFFSETS: (60, 2),
        ApiKey.ADD_OFFSETS: (60, 1),
        ApiKey.ADD_PARTITIONS: (150, 1),
        ApiKey.INIT: (2, 1),
    },
    "orderbot": {ApiKey.OFFSETS: (10, 1)},
    "trainer": {ApiKey.OFFSETS: (8, 1)},
}
NETWORK_FAULTS: dict[ApiKey, tuple[NetworkFault, ...]] = {
    ApiKey.END: (
        NetworkFault.RESENT,
        NetworkFault.RESENT,
        NetworkFault.TIMED_OUT,
        NetworkFault.TIMED_OUT,
        NetworkFault.DOUBLED,
    ),
    ApiKey.TXN_OFFSETS: (NetworkFault.RESENT, NetworkFault.GIVEN_UP, NetworkFault.DOUBLED),
    ApiKey.ADD_OFFSETS: (NetworkFault.RESENT, NetworkFault.GIVEN_UP, NetworkFault.DOUBLED),
    ApiKey.ADD_PARTITIONS: (NetworkFault.RESENT, NetworkFault.DOUBLED),
    ApiKey.INIT: (NetworkFault.RESENT, NetworkFault.TIMED_OUT, NetworkFault.DOUBLED),
    ApiKey.OFFSETS: (NetworkFault.RESENT, NetworkFault.TIMED_OUT, NetworkFault.DOUBLED),
}
# What makes it dangerous to come late: a request of the next transaction, or the end of its own.
SUCCESSORS: dict[ApiKey, tuple[ApiKey, ...]] = {
    ApiKey.END: (ApiKey.ADD_OFFSETS, ApiKey.ADD_PARTITIONS, ApiKey.TXN_OFFSETS),
    ApiKey.TXN_OFFSETS: (ApiKey.TXN_OFFSETS,),
    ApiKey.ADD_OFFSETS: (ApiKey.END,),
    ApiKey.ADD_PARTITIONS: (ApiKey.END,),
    ApiKey.INIT: (ApiKey.ADD_OFFSETS, ApiKey.ADD_PARTITIONS),
    ApiKey.OFFSETS: (ApiKey.OFFSETS,),
}
# Where strangers' records are met, by those who read there.
POISONED_TOPICS = (TICKS.name, ORDERS.name, EXAMPLES.name)
# Who may get nothing of a topic for a while.
READS = (
    *(("labeler", TICKS.name), ("labeler", ORDERS.name), ("orderbot", TICKS.name)),
    *(("trainer", EXAMPLES.name), ("predictor", TICKS.name)),
)
# What may stand there twice: their producers promise each record at least once.
REPEATED_TOPICS = (TICKS.name, ORDERS.name)
STEPS = 9_000  # effects of all processes in a run without faults, roughly


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `at`: the how-manieth effect of its kind in the role's life, restarts counted on; for
    faults without an effect, the step of the run. `more`: how long, in steps, or how much. `behind`: of a request
    that is held, the one it comes after; `more` is counted from there."""

    kind: str
    role: str
    at: int
    effect: str = ""
    side: str = "before"
    how: str = ""
    more: int = 0
    behind: str = ""

    def __str__(self) -> str:
        where = f"{self.side} {self.effect} {self.at}" if self.effect else f"at step {self.at}"
        message = (self.how, self.more or "", f"behind {self.behind}" if self.behind else "")
        return f"{self.kind:<7} {self.role:<12} {where}" + "".join(f" {word}" for word in message if word)


def draw(chance: Random) -> list[Fault]:
    """The faults of a run; some runs have none."""
    count = chance.choice((0, 4, 6, 8, 10, 14, 20, 30))
    makers = (_crash, _crash, _crash, _crash, _pause, _pause, _error, _error, _error)
    makers += (_abort, _delay, _scale, _reread, _stop, _other)
    faults = [chance.choice(makers)(chance) for _ in range(count)]
    faults += [_poison_pill(chance) for _ in range(chance.choice((0, 1, 3)))]
    faults += [_delayed_request(chance) for _ in range(chance.choice((0, 0, 1, 2, 4)))]
    faults += [_repeat(chance) for _ in range(chance.choice((0, 0, 1, 3)))]
    return sorted(faults, key=lambda fault: (fault.role, fault.at))


def _site(chance: Random, *kinds: str) -> tuple[str, str, int]:
    roles = [role for role in (*ROLES, *TRANSIENT_LABELERS) if not kinds or role.partition("-")[0] in kinds]
    role = chance.choice(roles)
    effects = EFFECTS_PER_RUN[role.partition("-")[0]]
    effect = chance.choice(list(effects))
    return role, effect, _when(chance, effects[effect])


def _when(chance: Random, most: int) -> int:
    # Half of them early, where things happen for the first time.
    return chance.randint(1, most) if chance.random() < 0.5 else round(most ** chance.random())


def _crash(chance: Random) -> Fault:
    role, effect, at = _site(chance, *chance.choice((("labeler",), ())))
    return Fault("crash", role, at, effect, chance.choice(("before", "after")), more=chance.choice((1, 20, 400)))


def _pause(chance: Random) -> Fault:
    role, effect, at = _site(chance, *chance.choice((("labeler",), ("orderbot", "trainer", "predictor", "ingest"))))
    # Nothing but their supervisor keeps two ingest processes of one instrument apart.
    how = "asleep" if role in INGESTS else chance.choice(("replaced", "expelled", "asleep"))
    return Fault("pause", role, at, effect, chance.choice(("before", "after")), how, chance.choice((30, 300, 2000)))


def _error(chance: Random) -> Fault:
    role = chance.choice((*ROLES, *LABELERS, *ORDERBOTS, *ORDERBOTS))
    kind = role.partition("-")[0]
    effect = chance.choice(list(ERRORS[kind]))
    how, at = chance.choice(ERRORS[kind][effect]), _when(chance, EFFECTS_PER_RUN[kind][effect])
    return Fault("error", role, at, effect, how=how, more=chance.choice((1, 1, 3)))


def _abort(chance: Random) -> Fault:
    """An error after which a labeler has to abort its transaction and go back."""
    ways = (("produce", "refused"), ("send", "late"), ("send_offsets", "abortable"), ("commit", "abortable"))
    effect, how = chance.choice(ways)
    return Fault(
        "error", chance.choice(LABELERS), _when(chance, EFFECTS_PER_RUN["labeler"][effect]), effect, how=how, more=1
    )


def _stop(chance: Random) -> Fault:
    """A process is asked to end, and started again once it has ended."""
    return Fault("stop", chance.choice(ROLES), chance.randint(1, STEPS), more=chance.choice((1, 50, 400)))


def _poison_pill(chance: Random) -> Fault:
    """A record that nobody can read."""
    return Fault("poison", "stranger", chance.randint(1, STEPS), how=chance.choice(POISONED_TOPICS))


def _repeat(chance: Random) -> Fault:
    """A producer that crashed before it heard of its last records writes them once more."""
    topic = chance.choice(REPEATED_TOPICS)
    return Fault("repeat", "producer", chance.randint(1, STEPS), how=topic, more=chance.choice((1, 1, 2, 5)))


def _delayed_request(chance: Random) -> Fault:
    """A request stays on its way, and comes when its client has sent it again, or right behind itself."""
    role = chance.choice((*LABELERS, *LABELERS, *ORDERBOTS, *TRAINERS))
    sent = DELAYABLE_REQUESTS[role.partition("-")[0]]
    (request,) = chance.choices(list(sent), [weight for _, weight in sent.values()])
    how, at = chance.choice(NETWORK_FAULTS[request]), _when(chance, sent[request][0])
    behind = "" if how is NetworkFault.DOUBLED or chance.random() < 0.3 else chance.choice(SUCCESSORS[request])
    more = 0 if how is NetworkFault.DOUBLED else chance.choice((1, 2, 3, 5, 8) if behind else (5, 50, 400, 2000))
    return Fault("held", role, at, request, "sent", how, more, behind)


def _delay(chance: Random) -> Fault:
    role, topic = chance.choice(READS)
    return Fault("delay", role, chance.randint(1, STEPS), how=topic, more=chance.choice((100, 1000, 3000)))


def _scale(chance: Random) -> Fault:
    """One labeler more for a while."""
    return Fault("scale", *TRANSIENT_LABELERS, chance.randint(1, STEPS), more=chance.choice((50, 500, 3000)))


def _reread(chance: Random) -> Fault:
    role = chance.choice((*ORDERBOTS, *TRAINERS))
    return Fault("reread", role, chance.randint(1, 40), "consume", "after", more=chance.choice((1, 5, 200)))


def _other(chance: Random) -> Fault:
    kind = chance.choice(("compact", "move", "timeout", "refence"))
    role = chance.choice(LABELERS) if kind in ("timeout", "refence") else "operator"
    return Fault(kind, role, chance.randint(1, STEPS))
