"""What chaos does to whose requests, and what it tells of that."""

from collections import Counter

import pytest

from tests.proxy.actions import Action, AfterSeconds, Delay, Drop, DropReplyAndClose, Duplicate, DuplicateLater, Hold
from tests.proxy.events import Event, Outcome
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.requests import FrameInfo
from tests.system.chaos.tampered import Account, schedule

FRAMES = 20_000


def done_to(client: str, api_key: ApiKey, direction: Direction = Direction.REQUEST) -> Counter[type[Action]]:
    """The kinds of tampering among many frames."""
    drawn = schedule(1)
    info = (FrameInfo(api_key, direction, client, None, order) for order in range(FRAMES))
    decisions = (drawn.decide(one, 0) for one in info)
    return Counter(type(one.action) for one in decisions if one)


@pytest.mark.parametrize("api_key", [ApiKey.END_TXN, ApiKey.ADD_PARTITIONS_TO_TXN, ApiKey.TXN_OFFSET_COMMIT])
def test_everything_befalls_a_labelers_transactions(api_key: ApiKey) -> None:
    assert set(done_to("tidewheel-labeler", api_key)) == {
        Delay,
        Hold,
        Duplicate,
        DuplicateLater,
        Drop,
        DropReplyAndClose,
    }


@pytest.mark.parametrize("client", ["tidewheel-ingest", "tidewheel-trainer"])
def test_what_is_produced_without_a_fence_is_kept_nowhere(client: str) -> None:
    assert set(done_to(client, ApiKey.PRODUCE)) == {Duplicate, Drop, DropReplyAndClose}


@pytest.mark.parametrize("client", ["tidewheel-labeler", "faust-0.15.3", "tidewheel-trainer"])
def test_members_are_not_always_heard(client: str) -> None:
    assert done_to(client, ApiKey.HEARTBEAT).total() > 100
    assert done_to(client, ApiKey.HEARTBEAT, Direction.REPLY).total() > 100


@pytest.mark.parametrize("client", ["tidewheel-run", "tidewheel-reader", "tidewheel-predictor"])
def test_whoever_watches_is_let_alone(client: str) -> None:
    assert [api_key for api_key in ApiKey if done_to(client, api_key)] == []


def event(action: Action, error: int | None, api_key: ApiKey = ApiKey.END_TXN) -> Event:
    info = FrameInfo(api_key, Direction.REQUEST, "tidewheel-labeler", "name", 0)
    return Event(info, 1, action, 0.0, Outcome.ANSWERED, error=error)


def test_ends_that_came_late_are_told_by_what_the_broker_said() -> None:
    late, copied = Hold(AfterSeconds(1.0), close_after_s=0.0), DuplicateLater(AfterSeconds(1.0), close_after_s=0.0)
    account = Account.of(
        [
            *(event(late, 0), event(copied, 47), event(copied, 90), event(late, None)),
            # Nobody went on without these.
            *(event(Hold(AfterSeconds(1.0)), 0), event(Duplicate(), 0), event(late, 0, ApiKey.INIT_PRODUCER_ID)),
        ]
    )
    assert (account.accepted, account.refused, account.kinds.total()) == (1, 2, 7)
    assert "   2 × END_TXN request held and cut" in account.lines()
