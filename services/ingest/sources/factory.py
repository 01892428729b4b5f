"""From a feed's name to its source. A new kind of source is added here and as a module beside this one."""

from collections.abc import Callable, Sequence

from services.ingest.sources import Source
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market_events import MarketEvent
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.place_mark import PlaceMark


def open_source(
    feed: Feed,
    reading: ReadingOptions,
    mark: PlaceMark,
    *,
    sim_seed: int,
    sim_edge: float,
    sim_flip_s: int,
    sim_events: Callable[[], Sequence[MarketEvent]] = tuple,
) -> Source:
    """Raises SourceError for a file of a kind that cannot be read. A file is looked at only when it is read.
    `sim_events`: what is to happen to a simulated market."""
    # Each source is imported only where it is wanted: Arrow alone takes longer than all else.
    if feed.path is not None:
        from services.ingest.sources.replay import Replay

        return Replay(feed.path.expanduser(), reading, mark)
    from services.ingest.sources.simulator import Simulator

    return Simulator(sim_seed, sim_edge, sim_flip_s, sim_events)
