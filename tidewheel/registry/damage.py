"""Damage in the registry, key by key, and what mends it. Finding it changes nothing.

Everything under `tw:` is looked at. What cannot be used is removed, indexes are made to say what is there, and a
pointer that cannot be used is made anew at the newest published model that verifies.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidewheel.domain.models import ModelRecord, Verdict
from tidewheel.domain.texts import printable
from tidewheel.registry import keys
from tidewheel.registry.client import translating_errors
from tidewheel.registry.limits import INSTRUMENT_LENGTH_MAX, is_instrument, parse_seq
from tidewheel.registry.store import Registry, VerificationError, VerificationFailure

SCAN_EACH = 1_000
MEMBERS_MAX = 100_000
OWN_KEY = re.compile(r"tw:\{(?P<name>[^{}]*)\}:(?P<kind>[a-z]+)(?::(?P<seq>.*))?", re.DOTALL)
POINTERS = (keys.CURRENT, keys.CANDIDATE)
INDEXES = {"history": "about", "models": "model"}
TYPES = {"history": b"zset", "models": b"zset", keys.CURRENT: b"hash", keys.CANDIDATE: b"hash"}


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing wrong with one key. `commands`: what mends it, for Redis; `repoints`: the instrument whose pointer is
    made anew thereafter."""

    key: str
    reason: VerificationFailure
    detail: str
    remedy: str
    commands: tuple[tuple[Any, ...], ...] = ()
    repoints: str = ""

    @property
    def text(self) -> str:
        return f"{self.key}: {self.detail} ({self.reason}); {self.remedy}"


@dataclass(slots=True)
class InstrumentKeys:
    """The keys of an instrument that are there, by kind."""

    name: str
    kinds: set[str]
    seqs: dict[str, set[int]]


class RegistryChecker:
    """Looks at all of one registry. Raises RegistryUnavailableError."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._client = registry.client

    def damages(self) -> list[Damage]:
        """All that is wrong, instrument by instrument, what all share last."""
        instruments: dict[str, InstrumentKeys] = {}
        found: list[Damage] = []
        with translating_errors(self._registry.address):
            every = self._client.scan_iter(match="tw:*", count=SCAN_EACH)
            found.extend(damage for key in every if (damage := self._classify(key, instruments)) is not None)
            for name in sorted(instruments):
                found += self._instrument(instruments[name])
            found += self._shared(sorted(instruments))
        return found

    def repair(self, damages: list[Damage]) -> list[str]:
        """Do what mends each; what came of the pointers that were made anew."""
        with translating_errors(self._registry.address):
            for damage in damages:
                for command in damage.commands:
                    self._client.execute_command(*command)
        return [self._repoint(one) for one in sorted({damage.repoints for damage in damages if damage.repoints})]

    def _classify(self, key: bytes, instruments: dict[str, InstrumentKeys]) -> Damage | None:
        """Note a key of ours; damage where it is none."""
        text = key.decode("utf-8", "replace")
        if text in (keys.INSTRUMENTS, keys.MOVED):
            return None
        parts = OWN_KEY.fullmatch(text)
        seq = parse_seq(parts["seq"]) if parts and parts["seq"] else None
        kind = parts["kind"] if parts else ""
        is_own = (kind in TYPES and parts and parts["seq"] is None) or (kind in INDEXES.values() and seq is not None)
        if parts is None or not is_own or not is_instrument(parts["name"]):
            words = "is no key of ours" if parts is None or is_instrument(parts["name"]) else "is of no instrument"
            return Damage(printable(text, 100), VerificationFailure.INSTRUMENT, words, "to be removed", (("DEL", key),))
        own = instruments.setdefault(
            parts["name"], InstrumentKeys(parts["name"], set(), {"about": set(), "model": set()})
        )
        if seq is None:
            own.kinds.add(kind)
        else:
            own.seqs[kind].add(seq)
        return None

    def _instrument(self, own: InstrumentKeys) -> Iterator[Damage]:
        for role in POINTERS:
            yield from self._pointer(own.name, role)
        published: set[int] = set()
        for seq in sorted(own.seqs["about"]):
            yield from self._record(own.name, seq, published)
        if keys.CURRENT not in own.kinds and published & own.seqs["model"]:
            words = "is not there, though models were published"
            yield self._pointless(own.name, keys.CURRENT, VerificationFailure.MISSING, words)
        for seq in sorted(own.seqs["model"]):
            yield from self._model(own.name, seq)
        for index, kind in INDEXES.items():
            yield from self._index(own, index, own.seqs[kind])

    def _pointer(self, instrument: str, role: str) -> Iterator[Damage]:
        try:
            (state,) = self._registry.reader.pointers([instrument], role)
            if (pointer := self._registry.parse(instrument, role, state)) is not None:
                self._registry.load_pointed(pointer)
        except VerificationError as failure:
            yield self._pointless(instrument, role, failure.reason, failure.detail)

    def _pointless(self, instrument: str, role: str, reason: VerificationFailure, detail: str) -> Damage:
        """A pointer that cannot be used."""
        key = keys.pointer(instrument, role)
        remedy = "to be made anew" if role == keys.CURRENT else "to be removed"
        return Damage(key, reason, detail, remedy, (("DEL", key),), instrument if role == keys.CURRENT else "")

    def _record(self, instrument: str, seq: int, published: set[int]) -> Iterator[Damage]:
        key = keys.record(instrument, seq)
        try:
            record = self._registry.record_of(instrument, seq)
            if record is not None and record.verdict is Verdict.PUBLISHED:
                published.add(seq)
        except VerificationError as failure:
            forget = (("DEL", key), ("ZREM", keys.history(instrument), seq))
            yield Damage(key, failure.reason, failure.detail, "to be removed, and forgotten in the history", forget)

    def _model(self, instrument: str, seq: int) -> Iterator[Damage]:
        try:
            self._registry.load(instrument, seq)
        except VerificationError as failure:
            key = keys.model(instrument, seq)
            forget = (("DEL", key), ("ZREM", keys.models(instrument), seq))
            yield Damage(key, failure.reason, failure.detail, "to be removed", forget)

    def _index(self, own: InstrumentKeys, index: str, there: set[int]) -> Iterator[Damage]:
        key = keys.prefix(own.name) + index
        found = self._client.type(key)
        if found not in (b"zset", b"none"):
            members: tuple[Any, ...] = tuple(word for seq in sorted(there) for word in (seq, seq))
            mend = (("DEL", key), *((("ZADD", key, *members),) if members else ()))
            yield Damage(
                key, VerificationFailure.KEY, f"is a {found.decode()}, not a sorted set", "to be made anew", mend
            )
            return
        named: set[int] = set()
        for member, score in self._client.zrange(key, 0, MEMBERS_MAX, withscores=True):
            seq = parse_seq(member[:100])
            if seq is None or score != seq or seq not in there:
                shown = printable(member.decode(errors="replace"), 60)
                yield Damage(
                    *(key, VerificationFailure.HISTORY, f"has a member {shown!r} that names nothing"),
                    *("to be removed from it", (("ZREM", key, member),)),
                )
            else:
                named.add(seq)
        for seq in sorted(there - named):
            yield Damage(
                *(key, VerificationFailure.HISTORY, f"does not name {seq}, which is there"),
                *("to be added", (("ZADD", key, seq, seq),)),
            )

    def _shared(self, instruments: list[str]) -> Iterator[Damage]:
        """What all instruments share."""
        found = self._client.type(keys.INSTRUMENTS)
        named: set[str] = set()
        if found not in (b"set", b"none"):
            yield Damage(
                *(keys.INSTRUMENTS, VerificationFailure.KEY, f"is a {found.decode()}, not a set"),
                *("to be made anew", (("DEL", keys.INSTRUMENTS),)),
            )
        elif found == b"set":
            for member in self._client.sscan_iter(keys.INSTRUMENTS, count=SCAN_EACH):
                name = member[: INSTRUMENT_LENGTH_MAX + 1].decode("ascii", "replace")
                if is_instrument(name):
                    named.add(name)
                else:
                    yield Damage(
                        *(
                            keys.INSTRUMENTS,
                            VerificationFailure.INSTRUMENT,
                            f"names {printable(name, 60)!r}, which is none",
                        ),
                        *("to be removed from it", (("SREM", keys.INSTRUMENTS, member),)),
                    )
        for name in instruments:
            if name not in named:
                yield Damage(
                    *(
                        keys.INSTRUMENTS,
                        VerificationFailure.INSTRUMENT,
                        f"does not name {name}, of which there are keys",
                    ),
                    *("to be added", (("SADD", keys.INSTRUMENTS, name),)),
                )
        yield from self._marks()

    def _marks(self) -> Iterator[Damage]:
        found = self._client.type(keys.MOVED)
        if found not in (b"zset", b"none"):
            yield Damage(
                *(keys.MOVED, VerificationFailure.KEY, f"is a {found.decode()}, not a sorted set"),
                *("to be removed", (("DEL", keys.MOVED),)),
            )
        elif found == b"zset":
            for member, _ in self._client.zrange(keys.MOVED, 0, MEMBERS_MAX, withscores=True):
                name = member[: INSTRUMENT_LENGTH_MAX + 1].decode("ascii", "replace")
                if not is_instrument(name):
                    yield Damage(
                        *(keys.MOVED, VerificationFailure.INSTRUMENT, f"names {printable(name, 60)!r}, which is none"),
                        *("to be removed from it", (("ZREM", keys.MOVED, member),)),
                    )

    def _repoint(self, instrument: str) -> str:
        """Point at the newest published model that verifies."""
        for record in self._registry.records(instrument):
            if not isinstance(record, ModelRecord) or record.verdict is not Verdict.PUBLISHED or not record.sha256:
                continue
            try:
                pointer = self._registry.promote(instrument, record.seq)
            except VerificationError:
                continue
            return f"model {pointer.seq} of {instrument} serves at epoch {pointer.epoch}"
        return f"no model of {instrument} verifies: none serves until the next window is published"
