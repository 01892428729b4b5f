"""Where prices come from, as people write it: one grammar for `tidewheel run` and for ingest."""

from dataclasses import dataclass
from pathlib import Path

SIMULATOR = "sim"
STDIN = Path("-")
REPLAY = "replay"
# Market seconds after which a simulated market may turn its edge: ten years.
SIM_FLIP_MAX_S = 315_360_000


@dataclass(frozen=True, slots=True)
class Feed:
    """The simulator, or a recording: a file, a folder, or a pattern like `days/*.csv.gz`. `kind` stands before the
    symbol in the instrument's id."""

    kind: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "Feed":
        """`sim` or `replay:<path>`; the path stays as it is written. Raises ValueError in words for people."""
        kind, colon, path = text.strip().partition(":")
        if kind == REPLAY:
            if not path:
                raise ValueError("give the recorded file too: replay:<path>")
            return cls(REPLAY, Path(path))
        if colon or kind != SIMULATOR:
            raise ValueError(f"{text!r} must be sim or replay:<path>")
        return cls(kind)

    @property
    def ends(self) -> bool:
        """Whether it ends by itself."""
        return self.kind == REPLAY

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind
