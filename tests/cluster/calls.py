"""What the calling pod saw, read from its log."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.cluster.kube import Kube


@dataclass
class Calls:
    """Calls and their ends since the last look."""

    codes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    version: int = 0

    @property
    def failed(self) -> dict[str, int]:
        return {code: count for code, count in self.codes.items() if not code.endswith(" OK")}

    @property
    def count(self) -> int:
        return self.codes.total()


def summed(lines: Iterable[str]) -> Calls:
    """Of the lines that `caller.py` prints."""
    calls = Calls()
    for line in lines:
        one = json.loads(line)
        calls.codes.update(one["codes"])
        calls.slowest_s = max(calls.slowest_s, one["slowest_s"])
        calls.version = max(calls.version, one["version"])
    return calls


class CallLog:
    """The pod's log, a part at a time."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._seen = 0

    def take(self) -> Calls:
        """What came since the last time."""
        lines = self._kube.run("logs", "caller").splitlines()
        fresh, self._seen = lines[self._seen :], len(lines)
        return summed(fresh)
