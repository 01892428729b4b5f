"""Labelers that are no children of the run: they share its group, and nobody starts them again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidewheel.local.processes.subprocesses import kill_group, start, tethered

ASSIGNED = re.compile(r"assigned partitions \[(.*)\]")
TAKEN_OVER = "another labeler with the same name has taken over"
# A labeler whose broker went away under it may end, and say so.
KAFKA_AWAY = ("Kafka has not answered for", "Kafka's client has hung for")


@dataclass
class Labeler:
    """One such process.

    `replaced`: another has its name, so it must end and say so. `rivalled`: the one it replaced may, when it wakes
    after its session, take the name back in the group before it learns that it may write no more; then both end.
    `broker_away`: there was no broker, or hardly one, when it was seen to have ended.
    """

    instance: str
    process: "subprocess.Popen[bytes]"
    log: Path
    killed: bool = False
    asked_to_end: bool = False
    replaced: bool = False
    rivalled: bool = False
    broker_away: bool | None = None

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def works(self) -> bool:
        """It has joined the group, or has ended."""
        return self.ended or "assigned partitions" in self.log.read_text(errors="replace")

    @property
    def holds_partitions(self) -> bool:
        """The group gave it something to do; or it has ended."""
        given = ASSIGNED.findall(self.log.read_text(errors="replace"))
        return self.ended or bool(given and given[-1])

    def kill(self) -> None:
        self.killed = True
        if not self.ended:
            kill_group(self.process)

    def end(self) -> None:
        self.asked_to_end = True
        self.process.send_signal(signal.SIGTERM)

    def stand_still(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def fault(self) -> str:
        """What is wrong with how it ended, empty if nothing is."""
        code, last_words = self.process.poll(), self._last_words()
        name = f"labeler {self.instance} ({self.log.name})"
        if code is None:
            return f"{name} still runs"
        if self.killed or (self.asked_to_end and code == 0):
            return ""
        if code == 1 and any(words in last_words for words in self._reasons()):
            return ""
        return f"{name} ended with code {code}: {last_words}"

    def _reasons(self) -> tuple[str, ...]:
        """For which it may end by itself."""
        if self.replaced:
            return (TAKEN_OVER,)
        return (*(KAFKA_AWAY if self.broker_away else ()), *((TAKEN_OVER,) if self.rivalled else ()))

    def _last_words(self) -> str:
        """Its own, without librdkafka's, which begin with a level."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if not line.startswith("%")]
        return lines[-1] if lines else ""


@dataclass
class Labelers:
    """All that were started in one run, gone when it is over."""

    folder: Path
    started: list[Labeler] = field(default_factory=list)

    def start(self, kafka: str, instance: str) -> Labeler:
        self.folder.mkdir(exist_ok=True)
        log = self.folder / f"labeler-{instance}-{len(self.started)}.log"
        process = start(
            tethered([sys.executable, "-m", "services.labeler"], signal.SIGKILL),
            log,
            {**settings(), "TIDEWHEEL_KAFKA": kafka, "TIDEWHEEL_INSTANCE": instance, "TIDEWHEEL_METRICS_PORT": "0"},
        )
        self.started.append(Labeler(instance, process, log))
        return self.started[-1]

    def named(self, instance: str) -> bool:
        """Whether one of that name is there: on a slow machine it may stay longer than it was planned to."""
        return any(one.instance == instance and not one.ended for one in self.started)

    def look(self, broker_away: bool) -> None:
        """Notice who has ended."""
        for one in self.started:
            if one.broker_away is None and one.ended:
                one.broker_away = broker_away

    def faults(self) -> Iterator[str]:
        return filter(None, (one.fault() for one in self.started))

    def close(self) -> None:
        for one in self.started:
            if not one.ended:
                kill_group(one.process)
            one.process.wait()


def settings() -> Mapping[str, str]:
    """The environment without the settings of whoever starts the chaos."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDEWHEEL_")}
