"""What goes wrong in a run: faults drawn from a seed before it begins, so that a failing run can do with fewer."""

from dataclasses import dataclass
from random import Random

LABELERS = ("labeler-0", "labeler-1")
ORDERBOTS = ("orderbot-0",)
INGESTS = ("ingest-0", "ingest-1")
TRAINERS = ("trainer-0",)
PREDICTORS = ("predictor-0",)
ROLES = (*INGESTS, *ORDERBOTS, *LABELERS, *TRAINERS, *PREDICTORS)

# How often a role comes to an effect in a run, roughly: faults are put where something happens.
OFTEN: dict[str, dict[str, int]] = {
    "ingest": {"produce": 900, "consume": 8, "flush": 2},
    "orderbot": {"consume": 60, "produce": 1500, "commit_offsets": 50},
    "labeler": {
        "init": 2,
        "begin": 40,
        "produce": 1500,
        "send_offsets": 40,
        "commit": 40,
        "end": 40,
        "consume": 150,
        "committed": 4,
        "abort": 2,
    },
    "trainer": {"consume": 60, "produce": 40, "flush": 15, "commit_offsets": 6, "registry": 40},
    "predictor": {"registry": 80},
}
# What a call of a client may answer instead of doing it, or after it.
ERRORS: dict[str, tuple[str, ...]] = {
    "produce": ("refused", "full"),
    "send_offsets": ("late", "lost", "abortable"),
    "commit": ("late", "lost", "abortable"),
    "end": ("late",),
    "abort": ("late", "lost"),
    "committed": ("late",),
    "init": ("late", "lost"),
    "registry": ("late", "lost"),
    "commit_offsets": ("abortable",),
}
STEPS = 9_000  # effects of all processes in a run without faults, roughly


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `at`: the how-manieth effect of its kind in the role's life, restarts counted on; for
    faults without an effect, the step of the run. `more`: how long, in steps, or how much."""

    kind: str
    role: str
    at: int
    effect: str = ""
    side: str = "before"
    how: str = ""
    more: int = 0

    def __str__(self) -> str:
        where = f"{self.side} {self.effect} {self.at}" if self.effect else f"at step {self.at}"
        return f"{self.kind:<7} {self.role:<12} {where}" + "".join(f" {w}" for w in (self.how, self.more or "") if w)


def draw(chance: Random) -> list[Fault]:
    """The faults of a run; some runs have none."""
    count = chance.choice((0, 4, 6, 8, 10, 14, 20, 30))
    makers = (_crash, _crash, _crash, _crash, _pause, _pause, _error, _error, _delay, _scale, _reread, _other)
    return sorted((chance.choice(makers)(chance) for _ in range(count)), key=lambda fault: (fault.role, fault.at))


def _site(chance: Random, *kinds: str) -> tuple[str, str, int]:
    role = chance.choice([role for role in ROLES if not kinds or role.partition("-")[0] in kinds])
    effects = OFTEN[role.partition("-")[0]]
    effect = chance.choice(list(effects))
    most = effects[effect]
    # Half of them early, where things happen for the first time.
    at = chance.randint(1, most) if chance.random() < 0.5 else round(most ** chance.random())
    return role, effect, at


def _crash(chance: Random) -> Fault:
    role, effect, at = _site(chance, *chance.choice((("labeler",), ())))
    return Fault("crash", role, at, effect, chance.choice(("before", "after")), more=chance.choice((1, 20, 400)))


def _pause(chance: Random) -> Fault:
    role, effect, at = _site(chance, *chance.choice((("labeler",), ("orderbot", "trainer", "predictor"))))
    how = chance.choice(("replaced", "expelled", "asleep"))
    return Fault("pause", role, at, effect, chance.choice(("before", "after")), how, chance.choice((30, 300, 2000)))


def _error(chance: Random) -> Fault:
    while True:
        role, effect, at = _site(chance, "labeler", "trainer", "predictor")
        role_kind = role.partition("-")[0]
        if effect in ERRORS and not (effect == "produce" and role_kind != "labeler"):
            how = chance.choice(ERRORS[effect])
            return Fault("error", role, at, effect, how=how, more=chance.choice((1, 1, 3)))


def _delay(chance: Random) -> Fault:
    role, topic = chance.choice(
        (("labeler", "ticks"), ("labeler", "orders"), ("orderbot", "ticks"), ("trainer", "examples"))
    )
    return Fault("delay", role, chance.randint(1, STEPS), how=topic, more=chance.choice((100, 1000, 3000)))


def _scale(chance: Random) -> Fault:
    """One labeler more for a while."""
    return Fault("scale", "labeler-2", chance.randint(1, STEPS), more=chance.choice((50, 500, 3000)))


def _reread(chance: Random) -> Fault:
    role = chance.choice((*ORDERBOTS, *TRAINERS))
    return Fault("reread", role, chance.randint(1, 40), "consume", "after", more=chance.choice((1, 5, 200)))


def _other(chance: Random) -> Fault:
    kind = chance.choice(("compact", "move", "timeout"))
    role = chance.choice(LABELERS) if kind == "timeout" else "operator"
    return Fault(kind, role, chance.randint(1, STEPS))
