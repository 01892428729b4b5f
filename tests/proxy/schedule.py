"""Decides what is done to which frame. Pure: the same frames, and the same number held, give the same decisions.

Frames are counted by rule, kind and owner (client id and transactional id), and chance is drawn for each count anew, so
that how the frames of several owners interleave shifts nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import NamedTuple, Self

from tests.proxy.actions import Action, DuplicateLater, Hold, applies_to
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.requests import FrameInfo

HELD_FRAMES_MAX = 1000


@dataclass(frozen=True, slots=True)
class EveryNth:
    """Each n-th frame that a rule sees of an owner."""

    n: int = 1

    def fires(self, number: int, chance: Callable[[int], Random]) -> bool:
        return number % self.n == 0


@dataclass(frozen=True, slots=True)
class OnlyNth:
    """The k-th, counted from 1."""

    k: int

    def fires(self, number: int, chance: Callable[[int], Random]) -> bool:
        return number == self.k


@dataclass(frozen=True, slots=True)
class Probability:
    """Each with a probability."""

    probability: float
    seed: int

    def fires(self, number: int, chance: Callable[[int], Random]) -> bool:
        return chance(self.seed).random() < self.probability


@dataclass(frozen=True, slots=True)
class RandomAction:
    """An action drawn by seed, for each frame anew."""

    draw: Callable[[Random], Action]
    seed: int


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done to which frames. `client` and `transactional_id` are patterns as of a shell."""

    action: Action | RandomAction
    api_keys: frozenset[ApiKey]
    direction: Direction = Direction.REQUEST
    client: str = "*"
    transactional_id: str | None = None
    when: EveryNth | OnlyNth | Probability = EveryNth()
    limit: int | None = None

    @classmethod
    def of(cls, action: Action | RandomAction, *api_keys: ApiKey, **more: object) -> Self:
        """Raises ValueError where that cannot be done to such frames."""
        rule = cls(action, frozenset(api_keys), **more)  # type: ignore[arg-type]
        if not isinstance(action, RandomAction) and not applies_to(action, rule.direction):
            raise ValueError(f"a {rule.direction} cannot be {action}")
        return rule

    def matches(self, info: FrameInfo) -> bool:
        if info.api_key not in self.api_keys or info.direction is not self.direction:
            return False
        if not fnmatchcase(info.client, self.client):
            return False
        return self.transactional_id is None or (
            info.transactional_id is not None and fnmatchcase(info.transactional_id, self.transactional_id)
        )


class Decision(NamedTuple):
    """`number`: which frame it was of those that the rule saw of this kind and owner."""

    action: Action
    number: int


class Schedule:
    """The first rule that fires decides. `held_frames_max`: while so many are held, none is held besides."""

    def __init__(self, rules: Iterable[Rule] = (), *, held_frames_max: int = HELD_FRAMES_MAX) -> None:
        self.rules = tuple(rules)
        self.api_keys = frozenset(key for rule in self.rules for key in rule.api_keys)
        self._held_frames_max = held_frames_max
        self._numbers: Counter[tuple[int, int, tuple[str, str | None]]] = Counter()
        self._done: Counter[int] = Counter()

    def decide(self, info: FrameInfo, held: int) -> Decision | None:
        """What is done to a frame, None for nothing. Each frame is to be shown once, in the order they come."""
        matching = [number for number, rule in enumerate(self.rules) if rule.matches(info)]
        for number in matching:
            self._numbers[number, info.api_key, info.owner] += 1
        for number in matching:
            decision = self._decision(number, info)
            if decision is None or (
                isinstance(decision.action, Hold | DuplicateLater) and held >= self._held_frames_max
            ):
                continue
            self._done[number] += 1
            return decision
        return None

    def _decision(self, rule_index: int, info: FrameInfo) -> Decision | None:
        rule, number = self.rules[rule_index], self._numbers[rule_index, info.api_key, info.owner]
        if rule.limit is not None and self._done[rule_index] >= rule.limit:
            return None
        if not rule.when.fires(number, lambda seed: _chance(seed, "whether", info, number)):
            return None
        if isinstance(rule.action, RandomAction):
            return Decision(rule.action.draw(_chance(rule.action.seed, "what", info, number)), number)
        return Decision(rule.action, number)


def _chance(seed: int, what: str, info: FrameInfo, number: int) -> Random:
    return Random(repr((seed, what, info.api_key, str(info.direction), info.owner, number)))
