"""What may lie in Redis that no program of ours wrote there, a line a kind: how it is done, and what it is called.

Each kind has an instrument of its own, with windows 1 to 3 published and 4 as the candidate; window 3 serves.
"""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import redis

from tests.synthetic_models import CARD, make_model, make_record, published, with_golden_score
from tidewheel.contracts.codecs.models import encode_model, encode_model_record
from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Model, ModelRecord, Scorecard
from tidewheel.registry import keys
from tidewheel.registry.store import Registry, VerificationFailure
from tidewheel.registry.verify import sha256_of

SERVED, NEXT = 3, 5
HUGE = str(10**400)
V = VerificationFailure


@dataclass(frozen=True)
class Place:
    """One instrument's keys, open to anybody."""

    raw: redis.Redis
    name: str

    @property
    def current(self) -> str:
        return keys.pointer(self.name, keys.CURRENT)

    @property
    def candidate(self) -> str:
        return keys.pointer(self.name, keys.CANDIDATE)

    def model(self, seq: int = SERVED) -> str:
        return keys.model(self.name, seq)

    def about(self, seq: int = SERVED) -> str:
        return keys.record(self.name, seq)

    def retype(self, key: str, kind: str) -> None:
        """The key as one of another type."""
        self.raw.delete(key)
        {
            "list": lambda: self.raw.lpush(key, "x"),
            "set": lambda: self.raw.sadd(key, "x"),
            "zset": lambda: self.raw.zadd(key, {"x": 1}),
            "hash": lambda: self.raw.hset(key, "x", "x"),
            "stream": lambda: self.raw.xadd(key, {"x": "x"}),
            "string": lambda: self.raw.set(key, "x"),
        }[kind]()

    def point(self, model: Model | bytes, record: ModelRecord | bytes | None = None, **fields: Any) -> None:
        """Point at window 5 as a publisher without scruples would: any bytes, with their own checksum everywhere."""
        payload = model if isinstance(model, bytes) else encode_model(model)
        known = make_record(payload, NEXT, self.name)
        stored = encode_model_record(known) if record is None else record
        stored = stored if isinstance(stored, bytes) else encode_model_record(stored)
        with self.raw.pipeline(transaction=True) as all_at_once:
            all_at_once.set(self.model(NEXT), payload)
            all_at_once.set(self.about(NEXT), stored)
            all_at_once.zadd(keys.history(self.name), {str(NEXT): NEXT})
            all_at_once.zadd(keys.models(self.name), {str(NEXT): NEXT})
            moved = {"seq": NEXT, "sha256": known.sha256, "newest_seq": NEXT, **fields}
            all_at_once.hset(self.current, mapping=moved)
            all_at_once.execute()

    def good(self, seq: int = NEXT) -> Model:
        return make_model(seq, self.name)


@dataclass(frozen=True)
class Kind:
    """A kind of damage. `reason`: what the predictor counts; None where it has nothing to do with what serves.
    `shows`: in the registry alone, to whom does not know what was there before."""

    label: str
    reason: VerificationFailure | None
    do: Callable[[Place], object]
    shows: bool = True


def field(name: str, value: Any) -> Callable[[Place], object]:
    """A field of the pointer as it may not be."""
    return lambda place: place.raw.hset(place.current, name, value)


def pointer_fields() -> Iterator[Kind]:
    wrong: tuple[tuple[str, VerificationFailure, Any], ...] = (
        ("seq", V.TOO_LARGE, HUGE),
        ("epoch", V.TOO_LARGE, HUGE),
        ("newest_seq", V.TOO_LARGE, HUGE),
        ("schema_hash", V.TOO_LARGE, "ab" * 4_000),
        ("evidence", V.TOO_LARGE, "x" * 500_000),
        ("seq", V.POINTER, 0),
        ("seq", V.POINTER, -5),
        ("seq", V.POINTER, 10**15),
        ("seq", V.POINTER, "1e3"),
        ("seq", V.POINTER, " 3"),
        ("seq", V.POINTER, "+3"),
        ("seq", V.POINTER, "0x3"),
        ("seq", V.POINTER, "٣"),
        ("seq", V.POINTER, b"\xff\xfe"),
        ("seq", V.POINTER, ""),
        ("epoch", V.POINTER, -1),
        ("epoch", V.POINTER, 0),
        ("epoch", V.POINTER, 2**32),
        ("epoch", V.POINTER, "1.5"),
        ("newest_seq", V.POINTER, 2),
        ("published_at_ns", V.POINTER, -1),
        ("published_at_ns", V.POINTER, 10**30),
        ("pointed_at_ns", V.POINTER, "never"),
        ("born_ns", V.POINTER, -7),
        ("sha256", V.POINTER, "abc"),
        ("sha256", V.POINTER, "Z" * 64),
        ("schema_hash", V.POINTER, "\x00" * 64),
        ("evidence", V.POINTER, "overwhelming"),
        ("evidence", V.POINTER, "\x1b[2Jstrong"),
        ("evidence", V.POINTER, "weak\nstrong"),
        ("hmac_sha256", V.POINTER, "no hex"),
    )
    for name, reason, value in wrong:
        yield Kind(f"pointer: {name} {value!r:.20}", reason, field(name, value))
    for name in ("epoch", "sha256", "newest_seq"):
        yield Kind(f"pointer: no {name}", V.POINTER, lambda place, name=name: place.raw.hdel(place.current, name))
    yield Kind("pointer: gone", V.MISSING, lambda place: place.raw.delete(place.current))
    for kind in ("string", "list", "set", "zset", "stream"):
        yield Kind(f"pointer: a {kind}", V.KEY, lambda place, kind=kind: place.retype(place.current, kind))
    yield Kind("pointer: foreign fields", V.POINTER, lambda place: place.retype(place.current, "hash"))


def other_bytes(place: Place) -> None:
    payload, record = published(SERVED, place.name, salt=1)
    place.raw.set(place.model(), payload)
    place.raw.set(place.about(), encode_model_record(record))
    place.raw.hset(place.current, "sha256", record.sha256)


def older(place: Place) -> None:
    record = published(2, place.name)[1]
    place.raw.hset(place.current, mapping={"seq": 2, "sha256": record.sha256})


def pointers_that_mislead() -> Iterator[Kind]:
    yield Kind("pointer: an older window at the same epoch", V.BACKWARD, older, shows=False)
    yield Kind("pointer: born earlier", V.BACKWARD, field("born_ns", 1), shows=False)
    yield Kind("pointer: other bytes of the same window", V.OTHER_BYTES, other_bytes, shows=False)
    yield Kind("pointer: a window that is not there", V.MISSING, not_there)
    yield Kind("pointer: another schema", V.SCHEMA, field("schema_hash", "00" * 32))
    yield Kind("pointer: another checksum than the record's", V.CHECKSUM, lambda p: p.point(p.good(), sha256="0" * 64))


def not_there(place: Place) -> None:
    place.raw.hset(place.current, mapping={"seq": 9, "newest_seq": 9})


def one_bit(place: Place) -> None:
    place.raw.setbit(place.model(), 80_000, 1 - place.raw.getbit(place.model(), 80_000))


def served_in_place() -> Iterator[Kind]:
    """The pointer is left alone."""
    yield Kind("served bytes: gone", V.SERVED_MISSING, lambda place: place.raw.delete(place.model()))
    yield Kind("served bytes: others", V.SERVED_CHANGED, lambda place: place.raw.set(place.model(), b"x"))
    yield Kind("served bytes: one bit", V.SERVED_CHANGED, one_bit)
    yield Kind("served bytes: a list", V.SERVED_CHANGED, lambda place: place.retype(place.model(), "list"))
    yield Kind("served bytes: 2 MB", V.SERVED_CHANGED, lambda place: place.raw.set(place.model(), bytes(2_000_000)))


def weights(value: float, at: int = 300, column: str = "coefficients") -> Callable[[Model], Model]:
    def changed(model: Model) -> Model:
        array = getattr(model, column).copy()
        array[at] = value
        return replace(model, **{column: array})

    return changed


def grown(factor: float) -> Callable[[Model], Model]:
    """Finite weights, and a golden row that agrees with them."""
    return lambda model: with_golden_score(
        replace(model, coefficients=factor * np.ones(FEATURE_COUNT), mean=np.zeros(FEATURE_COUNT))
    )


def models() -> Iterator[Kind]:
    changes: tuple[tuple[str, VerificationFailure, Callable[[Model], Model]], ...] = (
        ("of another window", V.IDENTITY, lambda model: make_model(4, model.instrument)),
        ("of another instrument", V.IDENTITY, lambda _: make_model(NEXT)),
        ("another schema", V.SCHEMA, lambda model: replace(model, schema_hash=bytes(32))),
        ("604 weights", V.SCHEMA, lambda model: replace(model, coefficients=model.coefficients[:-1],
                                                        mean=model.mean[:-1], std=model.std[:-1],
                                                        lowest=model.lowest[:-4], highest=model.highest[:-4])),
        ("a weight that is no number", V.NOT_FINITE, weights(np.nan)),
        ("an infinite mean", V.NOT_FINITE, weights(np.inf, column="mean")),
        ("a deviation of 0", V.NOT_FINITE, weights(0.0, column="std")),
        ("a negative deviation", V.NOT_FINITE, weights(-1.0, column="std")),
        ("an infinite intercept", V.NOT_FINITE, lambda model: replace(model, intercept=np.inf)),
        ("a threshold that is no number", V.NOT_FINITE, lambda model: replace(model, threshold=np.nan)),
        ("weights that overflow", V.OVERFLOW, grown(1e300)),
        ("a deviation so small that weights overflow", V.OVERFLOW, weights(1e-310, column="std")),
        ("a threshold above 1", V.THRESHOLD, lambda model: replace(model, threshold=1.5)),
        ("a threshold below 0", V.THRESHOLD, lambda model: replace(model, threshold=-0.1)),
        ("a golden row cut short", V.GOLDEN, lambda model: replace(model, golden_features=model.golden_features[:-4])),
        ("another golden score", V.GOLDEN, lambda model: replace(model, golden_score=0.123)),
        ("a base rate of 7", V.FIGURES, lambda model: replace(model, base_rate=7.0)),
        ("rows below 0", V.FIGURES, lambda model: replace(model, test=replace(model.test, rows=-1))),
        ("a recall that is none", V.FIGURES, lambda model: replace(model, test=replace(model.test, recall=np.nan))),
        ("a topic that clears the terminal", V.FIGURES,
         lambda model: replace(model, lineage=replace(model.lineage, topic="\x1b[2J"))),
        ("a configuration of 200 kB", V.FIGURES,
         lambda model: replace(model, lineage=replace(model.lineage, training_config="x" * 200_000))),
        ("a format of the future", V.UNDECODABLE, lambda model: replace(model, format_version=99)),
    )  # fmt: skip
    for label, reason, change in changes:
        yield Kind(f"model: {label}", reason, lambda place, change=change: place.point(change(place.good())))
    yield Kind("model: no message", V.UNDECODABLE, lambda place: place.point(b"\xff\xff\xff"))
    yield Kind("model: empty", V.UNDECODABLE, lambda place: place.point(b""))
    yield Kind("model: a pickle", V.UNDECODABLE, lambda place: place.point(pickle.dumps(print)))
    yield Kind("model: 2 MB", V.TOO_LARGE, lambda place: place.point(bytes(2_000_000)))
    yield Kind("model: cut short", V.CHECKSUM, lambda place: after_pointing(
        place, lambda: place.raw.set(place.model(NEXT), encode_model(place.good())[:-1])))  # fmt: skip
    yield Kind("model: gone", V.MISSING, lambda place: after_pointing(
        place, lambda: place.raw.delete(place.model(NEXT))))  # fmt: skip
    yield Kind("model: a hash", V.KEY, lambda place: after_pointing(
        place, lambda: place.retype(place.model(NEXT), "hash")))  # fmt: skip


def after_pointing(place: Place, spoil: Callable[[], object]) -> None:
    """What is pointed at is spoilt before anybody can look: the pointer moves last."""
    before = place.raw.hgetall(place.current)
    place.raw.hset(place.current, "seq", "x")
    place.point(place.good(), seq="x")
    spoil()
    record = make_record(encode_model(place.good()), NEXT, place.name)
    place.raw.hset(place.current, mapping={**before, "seq": NEXT, "sha256": record.sha256, "newest_seq": NEXT})


def told(place: Place, **changes: Any) -> ModelRecord:
    """The record of window 5, as it may not be."""
    return replace(make_record(encode_model(place.good()), NEXT, place.name), **changes)


def scored(**changes: Any) -> Scorecard:
    return replace(CARD, **changes)


SCORECARDS: tuple[tuple[str, Scorecard], ...] = (
    ("rows below 0", scored(rows=-1)),
    ("rows beyond counting", scored(rows=2**62, positives=2**62, flagged=2**62, hits=2**62)),
    ("no rows and all else", scored(rows=0)),
    ("more hits than flags", scored(hits=90)),
    ("more flags than rows", scored(flagged=10**9)),
    ("a precision that is no number", scored(precision=float("nan"))),
    ("an infinite loss", scored(log_loss=float("inf"))),
    ("negative effective rows", scored(effective_rows=-1.0)),
    ("a thousand capitals", scored(account=Account(Bettor(gross=(1.0,) * 1_000)))),
    ("an infinite capital", scored(account=Account(Bettor(net=(float("inf"),))))),
    ("no capital", scored(account=Account(Bettor(gross=())))),
)


ELSEWHERE = {"replay_offset": 7, "first_offset": 7, "last_offset": 10**15}
PLACES_THAT_CANNOT_BE: tuple[tuple[str, dict[str, int]], ...] = (
    ("rows that end before they begin", {"first_offset": 9, "last_offset": 3}),
    ("read again from behind its rows", {"first_offset": 3, "last_offset": 9, "replay_offset": 5}),
    ("a negative place", {"first_offset": -1}),
)


def records() -> Iterator[Kind]:
    for label, card in SCORECARDS:
        yield Kind(f"record: {label}", V.RECORD_RANGE, lambda p, card=card: p.point(p.good(), told(p, scorecard=card)))
        yield Kind(f"older record: {label}", None, lambda p, card=card: p.raw.set(
            p.about(1), encode_model_record(replace(published(1, p.name)[1], scorecard=card))))  # fmt: skip
    yield Kind(
        "record: published before time", V.RECORD_RANGE, lambda p: p.point(p.good(), told(p, published_at_ns=-1))
    )
    yield Kind(
        "record: a reason in colours", V.RECORD_RANGE, lambda p: p.point(p.good(), told(p, reason="\x1b[31mred"))
    )
    yield Kind(
        "record: a signature of 5 bytes", V.RECORD_RANGE, lambda p: p.point(p.good(), told(p, hmac_sha256=b"12345"))
    )
    for label, places in PLACES_THAT_CANNOT_BE:
        yield Kind(f"record: {label}", V.RECORD_RANGE, lambda p, places=places: p.point(p.good(), told(p, **places)))
    # Which the registry alone cannot tell from true ones, and no predictor has to do with: the trainer holds them
    # against the log.
    for seq in (1, 2, SERVED):
        yield Kind(f"record of window {seq}: rows elsewhere", None, lambda p, seq=seq: p.raw.set(p.about(seq),
            encode_model_record(replace(published(seq, p.name)[1], **ELSEWHERE))), shows=False)  # fmt: skip
    yield Kind("record: of a window to come", None, lambda p: p.raw.set(
        p.about(NEXT + 2), encode_model_record(make_record(b"", NEXT + 2, p.name))))  # fmt: skip
    yield Kind("record: no message", V.RECORD, lambda place: place.point(place.good(), b"\xff\xff"))
    yield Kind("record: empty", V.RECORD, lambda place: place.point(place.good(), b""))
    yield Kind("record: of another instrument", V.RECORD, lambda p: p.point(p.good(), told(p, instrument="sim:X")))
    yield Kind("record: of another window", V.RECORD, lambda p: p.point(p.good(), told(p, seq=6)))
    yield Kind("record: of another model", V.CHECKSUM, lambda p: p.point(p.good(), told(p, sha256=sha256_of(b"x"))))
    yield Kind("record: 300 kB", V.TOO_LARGE, lambda place: place.point(place.good(), bytes(300_000)))
    yield Kind("record: gone", V.MISSING, lambda place: after_pointing(
        place, lambda: place.raw.delete(place.about(NEXT))))  # fmt: skip
    yield Kind("record: a set", V.KEY, lambda place: after_pointing(
        place, lambda: place.retype(place.about(NEXT), "set")))  # fmt: skip


def others() -> Iterator[Kind]:
    """What serves has nothing to do with these."""
    history, kept = keys.history, keys.models
    yield Kind("history: an odd member", None, lambda p: p.raw.zadd(history(p.name), {"odd": 7}))
    yield Kind("history: a huge member", None, lambda p: p.raw.zadd(history(p.name), {HUGE: 7}))
    yield Kind("history: an endless score", None, lambda p: p.raw.zadd(history(p.name), {"8": float("inf")}))
    yield Kind("history: a member of nothing", None, lambda p: p.raw.zadd(history(p.name), {"77": 77}))
    yield Kind("history: a hash", None, lambda place: place.retype(history(place.name), "hash"))
    yield Kind("history: gone", None, lambda place: place.raw.delete(history(place.name)))
    yield Kind("models: an odd member", None, lambda p: p.raw.zadd(kept(p.name), {"\x1b[2J": 7}))
    yield Kind("models: a string", None, lambda place: place.retype(kept(place.name), "string"))
    yield Kind("models: gone", None, lambda place: place.raw.delete(kept(place.name)))
    yield Kind("candidate: a huge epoch", None, lambda p: p.raw.hset(p.candidate, "epoch", HUGE))
    yield Kind("candidate: a list", None, lambda place: place.retype(place.candidate, "list"))
    yield Kind("candidate: gone", None, lambda place: place.raw.delete(place.candidate), shows=False)
    yield Kind("candidate: bytes gone", None, lambda place: place.raw.delete(place.model(4)))
    yield Kind("an older model: junk", None, lambda place: place.raw.set(place.model(1), bytes(3_000_000)))
    yield Kind("an older record: a list", None, lambda place: place.retype(place.about(2), "list"))
    yield Kind("an older record: no message", None, lambda place: place.raw.set(place.about(2), b"\xff"))
    yield Kind("a key of nobody's", None, lambda p: p.raw.set(keys.prefix(p.name) + "notes", "x"))
    yield Kind("a window with a huge number", None, lambda p: p.raw.set(keys.prefix(p.name) + "model:" + HUGE, "x"))


def kinds() -> list[Kind]:
    """All of them."""
    return [*pointer_fields(), *pointers_that_mislead(), *served_in_place(), *models(), *records(), *others()]


def set_up(registry: Registry, name: str) -> None:
    """Windows 1 to 3 and a candidate."""
    for seq in (1, 2, SERVED):
        registry.publish(*published(seq, name))
    registry.publish_candidate(*published(SERVED + 1, name))
