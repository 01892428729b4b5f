"""Redis in memory, as far as the registry uses it: the real `Registry` runs on it. Its scripts are written once more
here, in Python; a test on a real Redis holds both to the same answers."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.simulation.injector import FaultInjector
from tidewheel.registry import keys as names
from tidewheel.registry import scripts

Script = Callable[[list[str], list[Any]], Any]
POINTER_FIELDS = (
    *("seq", "epoch", "sha256", "schema_hash", "evidence", "published_at_ns", "newest_seq"),
    *("pointed_at_ns", "born_ns", "hmac_sha256"),
)


class Store:
    """What all clients share. `moves`: every pointer there was, as (instrument, epoch, seq); `by_hand`: those that no
    trainer set."""

    fence_default = True

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.hashes: dict[str, dict[str, bytes]] = {}
        self.sorted: dict[str, set[int]] = {}
        self.members: dict[str, set[bytes]] = {}
        self.moved: dict[bytes, int] = {}  # instrument -> version
        self.version = 0
        self.moves: list[tuple[str, int, int]] = []
        self.by_hand: set[tuple[str, int, int]] = set()
        self.fence_is_on = self.fence_default

    def point(self, key: str, instrument: str, fields: Sequence[Any]) -> None:
        """`fields`: in the order of POINTER_FIELDS; the time is this store's version."""
        self.hashes[key] = {name: _bytes(value) for name, value in zip(POINTER_FIELDS, fields, strict=True)}
        self.hashes[key]["pointed_at_ns"] = _bytes(self.version)
        self.version += 1
        self.moved[instrument.encode()] = self.version
        if key.endswith(names.CURRENT):
            self.moves.append((instrument, int(self.hashes[key]["epoch"]), int(self.hashes[key]["seq"])))

    def pointer_state(self, key: str) -> bytes:
        found = self.hashes.get(key)
        return b"" if found is None else b"\n".join(found[name] for name in POINTER_FIELDS)

    def value_state(self, key: str) -> bytes:
        return b"=" + self.values[key] if key in self.values else b""

    def set(self, key: str, value: bytes) -> None:
        self.version += self.values.get(key) != value
        self.values[key] = value


class SimRedis:
    """One client of the store."""

    def __init__(self, store: Store, injector: FaultInjector) -> None:
        self._store = store
        self._injector = injector
        self._scripts: dict[str, Script] = {
            scripts.text("publish"): self._publish,
            scripts.text("record"): self._record,
            scripts.text("move"): self._move,
            scripts.text("values"): self._values,
            scripts.text("pointers"): self._pointers,
            scripts.text("seqs"): self._seqs,
            scripts.text("names"): self._names,
            scripts.text("moved"): self._moved,
        }

    def _do(self, step: Callable[[], Any]) -> Any:
        self._injector.before("registry")
        answer = step()
        self._injector.after("registry")
        return answer

    def register_script(self, text: str) -> Callable[..., Any]:
        script = self._scripts[text]

        def run(keys: list[str], args: list[Any]) -> Any:
            return self._do(lambda: script(list(keys), args))

        return run

    def close(self) -> None: ...

    def ping(self) -> None:
        self._do(lambda: None)

    def sadd(self, key: str, value: str) -> None:
        def add() -> None:
            known = self._store.members.setdefault(key, set())
            self._store.version += value.encode() not in known
            known.add(value.encode())

        self._do(add)

    def time(self) -> tuple[int, int]:
        return self._store.version, 0

    # ---- the scripts, without trimming: a run makes fewer models than are kept ----

    def _values(self, keys: list[str], _: list[Any]) -> list[bytes]:
        return [self._store.value_state(key) for key in keys]

    def _pointers(self, keys: list[str], _: list[Any]) -> list[bytes]:
        return [self._store.pointer_state(key) for key in keys]

    def _seqs(self, keys: list[str], _: list[Any]) -> list[bytes]:
        return [b"", b"0", *map(_bytes, sorted(self._store.sorted.get(keys[0], ()), reverse=True))]

    def _names(self, keys: list[str], _: list[Any]) -> list[bytes]:
        return [b"", b"0", b"0", *self._store.members.get(keys[0], ())]

    def _moved(self, _: list[str], args: list[Any]) -> list[bytes]:
        since_us = args[0]
        return [_bytes(self._store.version), b"1", *(name for name, at in self._store.moved.items() if at >= since_us)]

    def _publish(self, keys: list[str], args: list[Any]) -> bytes:
        pointer, other, model_key, about_key, models_key, history_key, _ = keys
        _, instrument, _, _, _, seq, model, record, *rest = args
        read, fences, (is_named, drops_other), fields = rest[:2], rest[2:5], rest[5:7], rest[7:]
        store = self._store
        if [store.pointer_state(pointer), store.pointer_state(other)] != read:
            return b"changed"
        history = store.sorted.setdefault(history_key, set())
        stored = store.values.get(model_key)
        if seq <= next((fence for fence in fences if fence in history), 0) and store.fence_is_on:
            if is_named and stored != model:
                store.set(model_key, model)
                return b"already"
            return b"already" if stored == model else b"stale"
        if stored is not None and seq in history and store.fence_is_on:
            return b"already" if stored == model else b"stale"
        store.set(model_key, model)
        store.set(about_key, record)
        store.sorted.setdefault(models_key, set()).add(seq)
        history.add(seq)
        store.point(pointer, instrument, fields)
        if drops_other:
            del store.hashes[other]
        return b"published"

    def _record(self, keys: list[str], args: list[Any]) -> bytes:
        about_key, history_key, *pointers = keys[:4]
        _, instrument, _, _, seq, record, _, read, *rest = args
        states, fields = rest[:2], rest[2:]
        store = self._store
        if store.value_state(about_key) != read or [store.pointer_state(key) for key in pointers] != states:
            return b"changed"
        store.set(about_key, record)
        store.sorted.setdefault(history_key, set()).add(seq)
        for pointer in pointers:
            if fields[0] == "":
                fields = fields[1:]
                continue
            here = {name: _bytes(value) for name, value in zip(POINTER_FIELDS, fields, strict=False)}
            store.hashes[pointer] = here | {"pointed_at_ns": store.hashes[pointer]["pointed_at_ns"]}
            store.moved[instrument.encode()] = store.version
            fields = fields[len(POINTER_FIELDS) :]
        return b"recorded"

    def _move(self, keys: list[str], args: list[Any]) -> bytes:
        current, candidate, model_key, _ = keys
        instrument, _, *rest = args
        read, drops_candidate, fields = rest[:2], rest[2], rest[3:]
        store = self._store
        if [store.pointer_state(current), store.pointer_state(candidate)] != read:
            return b"changed"
        if model_key not in store.values:
            return b"missing"
        store.point(current, instrument, fields)
        store.by_hand.add((instrument, int(fields[1]), int(fields[0])))
        if drops_candidate:
            del store.hashes[candidate]
        return b"moved"


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
