"""Services of the run that ended by themselves. They may be killed and told to end, and one whose broker goes away may
end and say so; as long as there is a broker, nothing that befalls its requests is a reason."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# What the run says of a service that ended with a code of its own.
ENDED = re.compile(r"(\w+) (?:restarting|failed): (.*ended with code [1-9].*)")
BROKER_WENT = re.compile(r"kafka restarting\b")
BROKER_CAME = re.compile(r"kafka ready\b")
# A broker that listens again has yet to load its groups and transactions, and its clients to find that out.
RETURN_S = 10.0


class ServiceEnds:
    """Read from the run's output as it goes on. `faults`: ends while there was a broker; `excused`: the others."""

    def __init__(self, output: Path, services: tuple[str, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self.faults: list[str] = []
        self.excused: list[str] = []
        self._output = output
        self._services = services
        self._clock = clock
        self._at = 0
        self._broker_came_s = float("-inf")

    @property
    def broker_away(self) -> bool:
        """Or hardly back."""
        return self._clock() < self._broker_came_s + RETURN_S

    def broker_went(self) -> None:
        self._broker_came_s = float("inf")

    def broker_came(self) -> None:
        self._broker_came_s = self._clock()

    def look(self) -> None:
        """Take in what the run has said since."""
        for line in self._lines():
            if BROKER_WENT.search(line):
                self.broker_went()
            elif BROKER_CAME.search(line):
                self.broker_came()
            elif (ended := ENDED.search(line)) and ended[1] in self._services:
                (self.excused if self.broker_away else self.faults).append(f"{ended[1]} {ended[2]}")

    def _lines(self) -> Iterator[str]:
        """Whole ones."""
        with self._output.open("rb") as output:
            output.seek(self._at)
            whole, newline, _ = output.read().rpartition(b"\n")
        self._at += len(whole) + len(newline)
        yield from whole.decode(errors="replace").splitlines()
