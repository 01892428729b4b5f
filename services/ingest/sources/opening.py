"""From a feed's name to its source. A new venue is added here and as a module beside this one."""

from dataclasses import dataclass
from pathlib import Path

from services.ingest.quotes import Unreadable
from services.ingest.sources import Source

SIMULATOR = "sim"
REPLAY = "replay"
LIVE_VENUES = ("kraken", "coinbase", "binance", "okx")


@dataclass(frozen=True, slots=True)
class Feed:
    """Where prices come from; `kind` is the venue in the instrument's id. `path`: of a recorded file."""

    kind: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "Feed":
        """`sim`, `replay:<path>` or a venue. Raises ValueError."""
        kind, colon, path = text.strip().partition(":")
        if kind == REPLAY and path:
            return cls(kind, Path(path).expanduser())
        if colon or kind not in (SIMULATOR, *LIVE_VENUES):
            raise ValueError(f"{text!r} must be sim, replay:<path>, {' or '.join(LIVE_VENUES)}")
        return cls(kind)

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind


def open_source(feed: Feed, *, sim_seed: int, sim_edge: float) -> Source:
    """Raises Unreadable for a feed that this version cannot read. A file is looked at only when it is read."""
    # Each source is imported only where it is wanted: Arrow alone takes longer than all else.
    if feed.path is not None:
        from services.ingest.sources.replay import Replay

        return Replay(feed.path)
    if feed.kind == SIMULATOR:
        from services.ingest.sources.simulator import Simulator

        return Simulator(sim_seed, sim_edge)
    raise Unreadable(f"live venue {feed.kind} is not available in this version: use sim or replay:<path>")
