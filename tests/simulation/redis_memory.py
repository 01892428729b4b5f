"""Redis in memory, as far as the registry uses it: the real `Registry` runs on it. Its scripts are written once more
here, in Python; a test on a real Redis holds both to the same answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.simulation.injector import FaultInjector
from tidewheel.registry import keys as names
from tidewheel.registry import scripts

Script = Callable[[list[str], list[Any]], bytes]


class Store:
    """What all clients share. `moves`: every pointer there was, as (instrument, epoch, seq); `by_hand`: those that no
    trainer set."""

    fence_default = True

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.hashes: dict[str, dict[str, bytes]] = {}
        self.sorted: dict[str, set[int]] = {}
        self.members: dict[str, set[bytes]] = {}
        self.version = 0
        self.moves: list[tuple[str, int, int]] = []
        self.by_hand: set[tuple[str, int, int]] = set()
        self.fence_is_on = self.fence_default

    def point(self, key: str, instrument: str, fields: Mapping[str, Any]) -> None:
        self.hashes[key] = self.hashes.get(key, {}) | {name: _bytes(value) for name, value in fields.items()}
        self.version += 1
        if key.endswith(names.CURRENT):
            self.moves.append((instrument, int(self.hashes[key]["epoch"]), int(self.hashes[key]["seq"])))

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
        }

    def _do(self, step: Callable[[], Any]) -> Any:
        self._injector.before("registry")
        answer = step()
        self._injector.after("registry")
        return answer

    def register_script(self, text: str) -> Callable[..., bytes]:
        script = self._scripts[text]

        def run(keys: list[str], args: list[Any]) -> bytes:
            answer: bytes = self._do(lambda: script(keys, args))
            return answer

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

    def smembers(self, key: str) -> set[bytes]:
        found: set[bytes] = self._do(lambda: set(self._store.members.get(key, ())))
        return found

    def get(self, key: str) -> bytes | None:
        value: bytes | None = self._do(lambda: self._store.values.get(key))
        return value

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        values: list[bytes | None] = self._do(lambda: [self._store.values.get(key) for key in keys])
        return values

    def hgetall(self, key: str) -> dict[bytes, bytes]:
        found = self._do(lambda: dict(self._store.hashes.get(key, {})))
        return {name.encode(): value for name, value in found.items()}

    def zrevrange(self, key: str, start: int, end: int) -> list[bytes]:
        found = self._do(lambda: sorted(self._store.sorted.get(key, ()), reverse=True))
        return [str(seq).encode() for seq in found]

    # ---- the scripts, without trimming: a run makes fewer models than are kept ----

    def _publish(self, keys: list[str], args: list[Any]) -> bytes:
        pointer, other, model_key, about_key, models_key, history_key = keys
        role, prefix, instrument, _, _, _, seq, sha256, schema_hash, evidence, published_at_ns, model, record = args
        store = self._store
        here = store.hashes.get(pointer, {})
        stored = store.values.get(model_key)
        fence = int(here.get("newest_seq", 0))
        if role == names.CANDIDATE:
            fence = max(fence, int(store.hashes.get(other, {}).get("newest_seq", 0)))
        if seq <= fence and store.fence_is_on:
            pointed = here.get("seq"), here.get("sha256")
            if pointed == (_bytes(seq), _bytes(sha256)) and stored != model:
                store.set(model_key, model)
                return b"already"
            return b"already" if stored == model else b"stale"
        if stored is not None and store.fence_is_on:
            return b"already" if stored == model else b"stale"
        store.set(model_key, model)
        store.set(about_key, record)
        store.sorted.setdefault(models_key, set()).add(seq)
        store.sorted.setdefault(history_key, set()).add(seq)
        epoch = store.hashes.get(prefix + names.CURRENT, {}).get("epoch", b"1")
        fields = {"seq": seq, "epoch": epoch, "sha256": sha256, "schema_hash": schema_hash, "evidence": evidence}
        fields |= {"published_at_ns": published_at_ns, "pointed_at_ns": store.version, "newest_seq": seq}
        store.point(pointer, instrument, fields)
        candidate = store.hashes.get(other, {}).get("seq")
        if role == names.CURRENT and candidate is not None and int(candidate) <= seq:
            del store.hashes[other]
        return b"published"

    def _record(self, keys: list[str], args: list[Any]) -> bytes:
        about_key, history_key, *pointers = keys
        _, _, _, seq, sha256, evidence, record, read = args
        store = self._store
        if store.values.get(about_key, b"") != read:
            return b"changed"
        store.set(about_key, record)
        store.sorted.setdefault(history_key, set()).add(seq)
        for pointer in pointers:
            here = store.hashes.get(pointer, {})
            if here and (int(here["seq"]), here["sha256"]) == (seq, _bytes(sha256)):
                here["evidence"] = _bytes(evidence)
        return b"recorded"

    def _move(self, keys: list[str], args: list[Any]) -> bytes:
        current, candidate, model_key = keys
        way, instrument, _, seq, sha256, schema_hash, evidence, published_at_ns = args
        store = self._store
        here = store.hashes.get(current, {})
        serving = int(here["seq"]) if here else None
        if way == "back" and serving is None:
            return b"nothing"
        if serving is not None and ((way == "back" and seq > serving) or (way == "forward" and seq < serving)):
            return b"newer" if way == "back" else b"older"
        if model_key not in store.values:
            return b"missing"
        fields = {"seq": seq, "epoch": int(here.get("epoch", 0)) + 1, "sha256": sha256, "schema_hash": schema_hash}
        fields |= {"evidence": evidence, "published_at_ns": published_at_ns, "pointed_at_ns": store.version}
        store.point(current, instrument, fields | {"newest_seq": max(int(here.get("newest_seq", 0)), seq)})
        store.by_hand.add((instrument, fields["epoch"], seq))
        shadow = store.hashes.get(candidate, {}).get("seq")
        if shadow is not None and int(shadow) <= seq:
            del store.hashes[candidate]
        return b"moved"


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
