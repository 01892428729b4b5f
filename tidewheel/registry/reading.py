"""What is read of Redis: by scripts that look at types and lengths first, so that nothing long ever travels."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tidewheel.registry import keys, scripts
from tidewheel.registry.client import translating_errors
from tidewheel.registry.limits import INSTRUMENT_LENGTH_MAX, INSTRUMENTS_MAX, MODEL_BYTES_MAX, is_instrument, parse_seq
from tidewheel.registry.pointer import DAMAGED, unreadable

# Keys of a script's call: Redis does nothing else meanwhile.
KEYS_EACH = 200
NAMES_EACH = 1_000
SEQS_MAX = 2_000
MOVED_EACH = 1_000


class Seqs(NamedTuple):
    """The windows of an index, newest first, and how many members are none."""

    seqs: list[int]
    invalid: int


class Names(NamedTuple):
    """A part of the instruments, how many members are none, and the cursor of the next part; 0 ends it."""

    names: list[str]
    invalid: int
    cursor: int


class Moved(NamedTuple):
    """Instruments whose pointers have moved, and the time of Redis up to which that is known: now where these are
    `all` of them."""

    names: list[str]
    until_us: int
    all: bool


class BoundedReader:
    """Reads one Redis. Every call raises RegistryUnavailableError where it does not answer."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address
        names = ("values", "pointers", "seqs", "names", "moved")
        self._scripts = {name: client.register_script(scripts.text(name)) for name in names}

    def now_ns(self) -> int:
        """The time of Redis."""
        with translating_errors(self._address):
            seconds, micros = self._client.time()
        return 1_000 * (1_000_000 * int(seconds) + int(micros))

    def values(self, wanted: Sequence[str], bytes_max: int) -> list[bytes]:
        """States of values, in order; see `shared.lua`."""
        return [state for part in _parts(wanted) for state in self._call("values", part, [bytes_max])]

    def exists(self, key: str) -> bool:
        """Whether anything lies under a key of a value; none of its bytes travel."""
        return bool(self.values([key], 0)[0])

    def model_states(self, models: Sequence[tuple[str, int]]) -> list[bytes]:
        """States of models' bytes, each by instrument and window, in order."""
        return self.values([keys.model(instrument, seq) for instrument, seq in models], MODEL_BYTES_MAX)

    def pointers(self, instruments: Sequence[str], role: str) -> list[bytes]:
        """States of pointers, in order."""
        wanted = [keys.pointer(instrument, role) for instrument in instruments]
        return [state for part in _parts(wanted) for state in self._call("pointers", part, [])]

    def both_pointers(self, instrument: str) -> tuple[bytes, bytes]:
        """States of the pointer that serves and of the candidate's."""
        wanted = [keys.pointer(instrument, keys.CURRENT), keys.pointer(instrument, keys.CANDIDATE)]
        current, candidate = self._call("pointers", wanted, [])
        return current, candidate

    def seqs(self, instrument: str, index: str) -> Seqs:
        """The windows in a sorted set of the instrument. Raises VerificationError where it is none."""
        state, invalid, *members = self._call("seqs", [index], [SEQS_MAX])
        if state.startswith(DAMAGED):
            raise unreadable(f"a key of {instrument}", state)
        return Seqs([seq for member in members if (seq := parse_seq(member))], int(invalid))

    def some_instruments(self, cursor: int) -> Names:
        """A part of the instruments. Raises VerificationError where the key that names them is of another type."""
        state, following, invalid, *members = self._call(
            "names", [keys.INSTRUMENTS], [cursor, NAMES_EACH, INSTRUMENT_LENGTH_MAX]
        )
        if state.startswith(DAMAGED):
            raise unreadable("the set of instruments", state)
        names = _instruments(members)
        return Names(names, int(invalid) + len(members) - len(names), int(following))

    def instruments(self) -> list[str]:
        """All of them, sorted, as many as may be. Raises VerificationError as `some_instruments`."""
        found: set[str] = set()
        part = self.some_instruments(0)
        found.update(part.names)
        while part.cursor and len(found) < INSTRUMENTS_MAX:
            part = self.some_instruments(part.cursor)
            found.update(part.names)
        return sorted(found)

    def moved(self, since_us: int) -> Moved:
        """What has moved since a time of Redis, by our scripts."""
        until, is_all, *members = self._call("moved", [keys.MOVED], [since_us, MOVED_EACH, INSTRUMENT_LENGTH_MAX])
        return Moved(_instruments(members), int(float(until)), is_all == b"1")

    def _call(self, script: str, wanted: Sequence[str], args: list[int]) -> list[bytes]:
        with translating_errors(self._address):
            found: list[bytes] = self._scripts[script](keys=wanted, args=args)
        return found


def _parts(wanted: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(wanted), KEYS_EACH):
        yield wanted[first : first + KEYS_EACH]


def _instruments(members: list[bytes]) -> list[str]:
    """Those that name an instrument."""
    names = (member.decode("ascii", "replace") for member in members)
    return [name for name in names if is_instrument(name)]
