"""From a feed's name to its source. A new kind of source is added here and as a module beside this one."""

from services.ingest.market_events_file import MarketEventsFile
from services.ingest.settings import Settings
from services.ingest.sources import Clock, Source
from tidewheel.domain.feeds import split_symbols
from tidewheel.recordings.layout import MS_NS
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.place_mark import PlaceMark
from tidewheel.recordings.quotes import SourceError
from tidewheel.telemetry.logs import Log
from tidewheel.venues.frame_log import SUFFIX as FRAMES_SUFFIX


def open_source(
    settings: Settings, reading: ReadingOptions, mark: PlaceMark, wall: Clock, monotonic: Clock, log: Log
) -> Source:
    """Raises SourceError for a file of a kind that cannot be read, a symbol that a venue cannot have. A file is looked
    at only when it is read. `wall`, `monotonic`: the machine's clocks in ns."""
    feed = settings.feed
    # Each source is imported only where it is wanted: Arrow alone takes longer than all else.
    if feed.path is not None and feed.path.name.endswith(FRAMES_SUFFIX):
        from services.ingest.sources.frames import Frames

        return Frames(feed.path.expanduser(), settings.instrument, settings.venue_late_max_ms * MS_NS)
    if feed.path is not None:
        from services.ingest.sources.replay import Replay

        return Replay(feed.path.expanduser(), reading, mark)
    if feed.venues:
        from services.ingest.sources.live import Live, Wanted
        from tidewheel.venues.catalogue import ADAPTERS

        adapters = [ADAPTERS[name] for name in feed.venues]
        symbols = split_symbols(settings.instrument)
        try:
            for adapter in adapters:
                for symbol in symbols:
                    adapter.symbol(symbol)
        except ValueError as failure:
            raise SourceError(str(failure)) from None
        wanted = Wanted(adapters, symbols, settings.venue_late_max_ms * MS_NS, settings.venue_url)
        return Live(wanted, wall, monotonic, log)
    from services.ingest.sources.simulator import Simulator

    return Simulator(
        settings.sim_seed,
        settings.sim_edge,
        settings.sim_flip_s,
        MarketEventsFile(settings.sim_events_file, log),
    )
