"""What is disturbed when, as data made from a seed. Pure: nothing here knows a process."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, takewhile
from random import Random

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
KAFKA, REDIS = "kafka", "redis"
# The ingest of a second instrument.
NEIGHBOUR = "neighbour"


class Kind(StrEnum):
    """What is done to the target, in words for people."""

    KILL = "kill -9"
    END = "clean stop"
    # SIGSTOP beyond the session limit of a group's member, then SIGCONT: it finds its place taken.
    STAND_STILL = "stood still"
    # So long that the run's liveness check kills it and starts it again.
    STUCK = "stood still till restarted"
    AWAY = "away"
    # A labeler that is no child of the run shares the work for a while; how it leaves is the difference.
    ADD_AND_END = "added, then clean stop"
    ADD_AND_KILL = "added, then kill -9"
    # It stands still, another one starts under its name, it goes on.
    REPLACE = "replaced while it stood still"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """`at_s` counts from the moment all services run. `target`: a service, a server, or an added labeler's instance."""

    at_s: float
    kind: Kind
    target: str
    lasts_s: float = 0.0

    def __str__(self) -> str:
        what = f"labeler {self.target}" if self.target.isdigit() else self.target
        return f"{what} {self.kind}" + (f" ({self.lasts_s:.0f} s)" if self.lasts_s else "")


@dataclass(frozen=True, slots=True)
class Choice:
    """One ticket of the rotation: what may be drawn, with the bounds of how long it lasts.

    `then_s`: how long after its end nothing else is done to the target. `also`: what else is left alone meanwhile.
    """

    kind: Kind
    targets: tuple[str, ...]
    lasts_s: tuple[float, float] = (0.0, 0.0)
    then_s: float = 6.0
    also: tuple[str, ...] = ()


# A broker that has just come back is let alone for long enough to have served: three crashes in a row for one reason
# are a run's own limit, and chaos is no test of that.
KILL_BROKER = Choice(Kind.KILL, (KAFKA,), then_s=35.0)
# That a replaced labeler says why it ends can be asked only while there is a broker to tell it. Beside that of the run
# it is the only one, so that it holds the instrument's partition.
ADDED = ("1", "3")
ALONE = (KAFKA, *ADDED)
REPLACE = Choice(Kind.REPLACE, ("2",), (1.0, 8.0), then_s=20.0, also=ALONE)
ROTATION = (
    *(Choice(Kind.KILL, (name,)) for name in (*SERVICES, NEIGHBOUR)),
    *(Choice(Kind.END, (name,)) for name in SERVICES),
    *(
        Choice(Kind.STAND_STILL, (name,), (7.0, 12.0))
        for name in ("labeler", "orderbot", "trainer", "ingest", NEIGHBOUR)
    ),
    # How long that takes is for the run to say; nothing else befalls it meanwhile.
    Choice(Kind.STUCK, ("labeler", "orderbot", "trainer", "ingest", "predictor"), (25.0, 25.0)),
    Choice(Kind.KILL, (REDIS,)),
    Choice(Kind.AWAY, (REDIS,), (5.0, 60.0)),
    KILL_BROKER,
    Choice(Kind.ADD_AND_END, ADDED, (8.0, 25.0), then_s=10.0),
    Choice(Kind.ADD_AND_KILL, ADDED, (8.0, 25.0), then_s=10.0),
    REPLACE,
)
# What `make test` has the time for.
SHORT = (
    *(Choice(Kind.KILL, (name,), then_s=2.0) for name in ("ingest", "orderbot", "labeler")),
    Choice(Kind.AWAY, (REDIS,), (4.0, 4.0), then_s=1.0),
    Choice(Kind.ADD_AND_END, ("1",), (3.0, 5.0), then_s=2.0),
    Choice(Kind.REPLACE, ("2",), (1.0, 2.0), then_s=10.0, also=ALONE),
    Choice(Kind.KILL, (KAFKA,), then_s=2.0),
)


def rotation(seed: int, seconds: float, choices: Sequence[Choice] = ROTATION, gap_s: float = 5.0) -> list[Disturbance]:
    """Every choice once in shuffled order, then again in another, and so on; all of it over within `seconds`."""
    begun = takewhile(lambda one: one.at_s <= seconds, endless(seed, choices, gap_s))
    return in_time(one for one in begun if one.at_s + one.lasts_s <= seconds)


def once(seed: int, choices: Sequence[Choice] = SHORT, gap_s: float = 2.0) -> list[Disturbance]:
    """Every choice once, in shuffled order."""
    return in_time(islice(endless(seed, choices, gap_s), len(choices)))


def while_there(plan: Sequence[Disturbance], target: str, until_s: float) -> list[Disturbance]:
    """The plan without what would befall a target that may be gone by then."""
    return [one for one in plan if one.target != target or one.at_s + one.lasts_s <= until_s]


def in_time(disturbances: Iterable[Disturbance]) -> list[Disturbance]:
    return sorted(disturbances, key=lambda one: one.at_s)


def endless(seed: int, choices: Sequence[Choice], gap_s: float) -> Iterator[Disturbance]:
    """Rotation after rotation, about `gap_s` from one disturbance to the next; a target is let rest in between."""
    chance = Random(seed)
    free_s: dict[str, float] = {}
    now_s = 0.0
    while True:
        for choice in chance.sample(choices, len(choices)):
            target, lasts_s = chance.choice(choice.targets), round(chance.uniform(*choice.lasts_s), 1)
            now_s += chance.uniform(0.2, 1.8) * gap_s
            touched = (target, *choice.also)
            at_s = round(max(now_s, *(free_s.get(name, 0.0) for name in touched)), 1)
            free_s |= dict.fromkeys(touched, at_s + lasts_s + choice.then_s)
            yield Disturbance(at_s, choice.kind, target, lasts_s)
