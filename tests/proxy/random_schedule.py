"""A schedule of every kind of tampering, drawn from a seed. Pure."""

from collections.abc import Callable, Iterable
from random import Random

from tests.proxy.actions import (
    Action,
    AfterFrame,
    AfterSeconds,
    Delay,
    Drop,
    DropReplyAndClose,
    Duplicate,
    DuplicateLater,
    Hold,
    ReleaseCondition,
)
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.schedule import Probability, RandomAction, Rule, Schedule

# What a transactional producer asks of its coordinators.
TRANSACTIONAL = (
    ApiKey.INIT_PRODUCER_ID,
    ApiKey.ADD_PARTITIONS_TO_TXN,
    ApiKey.ADD_OFFSETS_TO_TXN,
    ApiKey.TXN_OFFSET_COMMIT,
    ApiKey.END_TXN,
)
DELAY_S = (0.02, 2.0)
HELD_S = (0.5, 5.0)
CUT_S = (0.0, 1.0)
# A client may never come to what is waited for.
LATER_LIMIT_S = 20.0
# Frames that say that the client has gone on: the next transaction has begun, or has records in it.
RELEASE_SIGNALS = (
    (ApiKey.ADD_PARTITIONS_TO_TXN, Direction.REQUEST),
    (ApiKey.ADD_PARTITIONS_TO_TXN, Direction.REPLY),
    (ApiKey.PRODUCE, Direction.REQUEST),
    (ApiKey.PRODUCE, Direction.REPLY),
    (ApiKey.END_TXN, Direction.REQUEST),
)


def random_schedule(
    seed: int,
    *,
    rate: float,
    api_keys: Iterable[ApiKey] = TRANSACTIONAL,
    client: str = "*",
    held_frames_max: int = 4,
    repeats: bool = False,
) -> Schedule:
    """Of the requests and replies of these kinds the share `rate` is tampered with.

    `repeats`: also what no network does, a request that is sent again later though its connection lives and its reply
    has been given. No client can know of it.
    """
    keys, when = frozenset(api_keys), Probability(rate, seed)
    requests = (*REQUEST_ACTIONS, *REPEATED) if repeats else REQUEST_ACTIONS
    return Schedule(
        [
            Rule(
                RandomAction(lambda chance: chance.choice(requests)(chance), seed),
                keys,
                Direction.REQUEST,
                client,
                when=when,
            ),
            Rule(RandomAction(for_reply, seed), keys, Direction.REPLY, client, when=when),
        ],
        held_frames_max=held_frames_max,
    )


def for_reply(chance: Random) -> Action:
    return chance.choice(REPLY_ACTIONS)(chance)


def _release(chance: Random) -> ReleaseCondition:
    if chance.random() < 0.25:
        return AfterSeconds(chance.uniform(*HELD_S))
    api_key, direction = chance.choice(RELEASE_SIGNALS)
    return AfterFrame(api_key, direction, chance.randint(1, 3), chance.random() < 0.25, LATER_LIMIT_S)


def _cut_s(chance: Random) -> float:
    """At once as often as not."""
    return chance.choice((0.0, chance.uniform(*CUT_S)))


REQUEST_ACTIONS: tuple[Callable[[Random], Action], ...] = (
    lambda chance: Delay(chance.uniform(*DELAY_S)),
    # With the connection whole the client waits for it, and comes to nothing later.
    lambda chance: Hold(AfterSeconds(chance.uniform(*HELD_S))),
    lambda chance: Hold(_release(chance), _cut_s(chance)),
    lambda chance: Duplicate(),
    lambda chance: DuplicateLater(_release(chance), 0.0),
    lambda chance: Drop(0.0),
    lambda chance: DropReplyAndClose(),
)
REPEATED: tuple[Callable[[Random], Action], ...] = (
    lambda chance: DuplicateLater(_release(chance)),
    lambda chance: DuplicateLater(_release(chance), _cut_s(chance)),
)
REPLY_ACTIONS: tuple[Callable[[Random], Action], ...] = (
    lambda chance: Delay(chance.uniform(*DELAY_S)),
    lambda chance: Hold(AfterSeconds(chance.uniform(*HELD_S))),
    lambda chance: Drop(_cut_s(chance)),
)
