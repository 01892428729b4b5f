"""The pointer moved by hand on a real Redis: back to an older model, forward to a kept one, and what holds then."""

import pytest
import redis

from tests.synthetic_models import INSTRUMENT, published
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.registry import keys
from tidewheel.registry.store import Publication, Registry, VerificationError, VerificationFailure, WrongDirectionError

pytestmark = pytest.mark.redis_server
PUBLISHED, ALREADY_PUBLISHED, STALE = Publication.PUBLISHED, Publication.ALREADY_PUBLISHED, Publication.STALE


def served(registry: Registry) -> tuple[int, int]:
    pointer = registry.current(INSTRUMENT)
    assert pointer is not None
    return pointer.epoch, pointer.seq


def test_a_rollback_holds_until_a_new_window(registry: Registry) -> None:
    for seq in range(1, 6):
        registry.publish(*published(seq))
    pointer = registry.rollback(INSTRUMENT, 3)
    assert (pointer.epoch, pointer.seq) == (2, 3)
    # A restarted or slow trainer says again what was rolled away from.
    assert registry.publish(*published(4)) is ALREADY_PUBLISHED
    assert registry.publish(*published(5)) is ALREADY_PUBLISHED
    assert registry.publish(*published(5, salt=1)) is STALE
    assert served(registry) == (2, 3)
    assert registry.publish(*published(6)) is PUBLISHED
    assert served(registry) == (2, 6)
    assert (registry.rollback(INSTRUMENT, 5).epoch, served(registry)) == (3, (3, 5))


def test_a_rollback_to_nothing_or_to_damage_is_refused(registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    registry.publish(*published(2))
    with redis.Redis.from_url(empty_redis) as raw:
        raw.set(keys.model(INSTRUMENT, 1), b"damaged")
    for seq, reason in ((1, VerificationFailure.CHECKSUM), (9, VerificationFailure.MISSING)):
        with pytest.raises(VerificationError) as caught:
            registry.rollback(INSTRUMENT, seq)
        assert caught.value.reason is reason
    assert served(registry) == (1, 2)


def test_a_promotion_by_hand_holds_until_a_new_window(registry: Registry) -> None:
    registry.publish(*published(1))
    for seq in (2, 3, 4):
        registry.publish_candidate(*published(seq))
    pointer = registry.promote(INSTRUMENT, 3)
    assert (pointer.epoch, pointer.seq, pointer.newest_seq) == (2, 3, 3)
    assert encode_model(registry.load_pointed(pointer)) == published(3)[0]
    candidate = registry.candidate(INSTRUMENT)
    assert candidate is not None
    assert candidate.seq == 4
    # A slow or restarted trainer comes with what it had decided before.
    assert registry.publish(*published(2)) is ALREADY_PUBLISHED
    assert registry.publish(*published(3, salt=1)) is STALE
    assert served(registry) == (2, 3)
    assert registry.promote(INSTRUMENT, 4).epoch == 3
    assert registry.candidate(INSTRUMENT) is None
    # Nor does the promoted model become the candidate again.
    assert registry.publish_candidate(*published(4)) is ALREADY_PUBLISHED
    assert registry.candidate(INSTRUMENT) is None
    assert registry.publish(*published(5)) is PUBLISHED
    assert served(registry) == (3, 5)


def test_where_nothing_serves_a_candidate_can_be_promoted(registry: Registry) -> None:
    registry.publish_candidate(*published(2))
    with pytest.raises(WrongDirectionError, match=r"no model .* serves"):
        registry.rollback(INSTRUMENT, 2)
    assert registry.current(INSTRUMENT) is None
    pointer = registry.promote(INSTRUMENT, 2)
    assert (pointer.epoch, pointer.seq, pointer.newest_seq) == (1, 2, 2)
    assert registry.candidate(INSTRUMENT) is None
    record = registry.record_of(INSTRUMENT, 2)
    assert record == published(2)[1]


def test_each_way_refuses_the_other(registry: Registry) -> None:
    for seq in (1, 2):
        registry.publish(*published(seq))
    registry.publish_candidate(*published(3))
    with pytest.raises(WrongDirectionError, match=r"model 3 of .* is newer than the serving one"):
        registry.rollback(INSTRUMENT, 3)
    with pytest.raises(WrongDirectionError, match=r"model 1 of .* is older than the serving one"):
        registry.promote(INSTRUMENT, 1)
    assert served(registry) == (1, 2)
    registry.rollback(INSTRUMENT, 1)
    assert registry.promote(INSTRUMENT, 2).newest_seq == 2
    assert served(registry) == (3, 2)
