"""A failure that lasts is counted each time and logged once: which failures are other ones than those reported."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class ReportedFailures(Generic[Key]):
    """The failure last reported of each key: an instrument, a topic. Used by one thread at a time."""

    def __init__(self) -> None:
        self._reported: dict[Key, object] = {}

    def is_new(self, key: Key, failure: object) -> bool:
        """Take a failure down, by what tells it from others. Whether it is another than the key's last: log it."""
        if self._reported.get(key) == failure:
            return False
        self._reported[key] = failure
        return True

    def clear(self, key: Key) -> None:
        """All is well: the next failure is a new one."""
        self._reported.pop(key, None)
