"""What a rival's process is told and what it tells: arguments in, one JSON line out."""

import argparse
import json
import time
from dataclasses import dataclass


@dataclass(slots=True)
class Run:
    """One run over inputs that lie on the topics: timed from its first input to its last commit.

    As ours is: starting, joining the group and the first fetch are not counted.
    """

    bootstrap: str
    records: int
    state_dir: str
    commit_interval_s: float
    taken: int = 0
    started_s: float = 0.0
    started_cpu_s: float = 0.0

    @classmethod
    def from_arguments(cls, commit_interval_s: float) -> "Run":
        parser = argparse.ArgumentParser()
        parser.add_argument("bootstrap")
        parser.add_argument("records", type=int, help="inputs on both topics together")
        parser.add_argument("state_dir")
        parser.add_argument("--commit-interval-s", type=float, default=commit_interval_s)
        given = parser.parse_args()
        return cls(given.bootstrap, given.records, given.state_dir, given.commit_interval_s)

    def take(self) -> bool:
        """An input is at hand; whether it is the last."""
        if not self.taken:
            self.started_s, self.started_cpu_s = time.perf_counter(), time.process_time()
        self.taken += 1
        return self.taken == self.records

    def tell(self, **more: str | float) -> None:
        """All is committed."""
        wall_s, cpu_s = time.perf_counter() - self.started_s, time.process_time() - self.started_cpu_s
        print(
            json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, **more, "commit_interval_s": self.commit_interval_s}),
            flush=True,
        )
