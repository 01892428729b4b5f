"""What whoever writes to Redis may put there without the key, well-formed as it is."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import redis

from tests.registry_damage.table import NEXT, Kind, Place, set_up
from tests.synthetic_models import CARD, published
from tidewheel.contracts.codecs.models import decode_model_record, encode_model_record
from tidewheel.domain.models import Evidence, ModelRecord
from tidewheel.registry import keys
from tidewheel.registry.store import Registry, VerificationFailure

KEY = b"the key"
V = VerificationFailure
Change = Callable[[ModelRecord], ModelRecord]


class Forger:
    """Has a registry of its own, whose contents are signed with the key, and copies from it what it likes."""

    def __init__(self, url: str) -> None:
        self._url = url

    def next_window(self, place: Place, change: Change) -> None:
        """Window 5 as a trainer with the key would publish it, but for a change of its record."""
        with redis.Redis.from_url(self._url) as own, closing(Registry.connect(self._url, KEY)) as registry:
            set_up(registry, place.name)
            registry.publish(*published(NEXT, place.name))
            record = change(decode_model_record(own.get(place.about(NEXT))))
            with place.raw.pipeline(transaction=True) as all_at_once:
                all_at_once.set(place.model(NEXT), own.get(place.model(NEXT)))
                all_at_once.set(place.about(NEXT), encode_model_record(record))
                all_at_once.zadd(keys.history(place.name), {str(NEXT): NEXT})
                all_at_once.zadd(keys.models(place.name), {str(NEXT): NEXT})
                all_at_once.hset(place.current, mapping=own.hgetall(place.current))
                all_at_once.execute()


def unsigned_publication(place: Place) -> None:
    Registry(place.raw, "here").publish(*published(NEXT, place.name))


def foreign_publication(place: Place) -> None:
    Registry(place.raw, "here", b"another key").publish(*published(NEXT, place.name))


def candidate_as_current(place: Place) -> None:
    place.raw.hset(place.current, mapping=place.raw.hgetall(place.candidate))


def kinds(forgers_url: str) -> Iterator[Kind]:
    """`forgers_url`: a Redis, or a database of one, for the forger alone."""
    forger = Forger(forgers_url)
    for name, value in (
        ("evidence", "strong"),
        ("epoch", 7),
        ("newest_seq", 10**14),
        ("born_ns", 2**62),
        ("published_at_ns", 5),
        ("hmac_sha256", ""),
        ("hmac_sha256", "ab" * 32),
        ("hmac_sha256", "ab"),
    ):
        yield Kind(
            f"signed pointer: {name} {value!r:.20}",
            V.POINTER_HMAC,
            lambda place, name=name, value=value: place.raw.hset(place.current, name, value),
        )
    yield Kind("signed pointer: the candidate's", V.POINTER_HMAC, candidate_as_current)
    yield Kind("a publication without the key", V.POINTER_HMAC, unsigned_publication)
    yield Kind("a publication with another key", V.POINTER_HMAC, foreign_publication)
    changes: tuple[tuple[str, Change], ...] = (
        ("no signature", lambda record: replace(record, record_hmac_sha256=b"")),
        ("another signature", lambda record: replace(record, record_hmac_sha256=bytes(32))),
        ("more evidence", lambda record: replace(record, evidence=Evidence.STRONG)),
        ("a scorecard", lambda record: replace(record, scorecard=CARD)),
        ("another time", lambda record: replace(record, published_at_ns=5)),
        ("another signature of the model", lambda record: replace(record, hmac_sha256=bytes(32))),
    )
    for label, change in changes:
        yield Kind(
            f"signed record: {label}",
            V.RECORD_HMAC,
            lambda place, change=change: forger.next_window(place, change),
        )
