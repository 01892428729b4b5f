"""From a feed's name to its source. A new venue is added here and as a module beside this one."""

from services.ingest.quotes import Unreadable
from services.ingest.sources import Source
from tidewheel.domain.feeds import SIMULATOR, Feed


def open_source(feed: Feed, *, sim_seed: int, sim_edge: float, sim_flip_s: int) -> Source:
    """Raises Unreadable for a feed that this version cannot read. A file is looked at only when it is read."""
    # Each source is imported only where it is wanted: Arrow alone takes longer than all else.
    if feed.path is not None:
        from services.ingest.sources.replay import Replay

        return Replay(feed.path.expanduser())
    if feed.kind == SIMULATOR:
        from services.ingest.sources.simulator import Simulator

        return Simulator(sim_seed, sim_edge, sim_flip_s)
    raise Unreadable(f"live venue {feed.kind} is not available in this version: use sim or replay:<path>")
