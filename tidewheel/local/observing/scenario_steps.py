"""Steps of `tidewheel scenario`, handed from that command to the run, which shows them to Prometheus: lines appended to
a file of the run's data directory."""

from collections.abc import Iterator
from pathlib import Path

from tidewheel.local.data_dir import PathError
from tidewheel.local.processes.subprocesses import size_of
from tidewheel.local.scenarios.declared import SCENARIOS, Step

READ_BYTES_MAX = 4_000


def write_step(path: Path, scenario: str, step: Step) -> None:
    """Tell the run of a step. Raises PathError."""
    try:
        with path.open("a") as file:
            file.write(f"{scenario} {step}\n")
    except OSError as failure:
        raise PathError(f"{path} cannot be written: {failure.strerror}") from failure


class StepsReader:
    """What was told since it was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from = size_of(path)

    def read(self) -> Iterator[tuple[str, str]]:
        """Scenarios and steps that are ours, since labels are a closed set; what else stands there is passed over."""
        if size_of(self._path) <= self._from:
            return
        try:
            with self._path.open("rb") as file:
                file.seek(self._from)
                text = file.read(READ_BYTES_MAX)
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1] or (text if len(text) == READ_BYTES_MAX else b"")
        self._from += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            scenario, _, step = line.partition(" ")
            if scenario in SCENARIOS and step in tuple(Step):
                yield scenario, step
