"""From a feed's name to its source. A new kind of source is added here and as a module beside this one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from services.ingest.sources.warm_up import Recorded, WarmUp


def open_source(
    settings: Settings, reading: ReadingOptions, mark: PlaceMark, wall: Clock, monotonic: Clock, log: Log
) -> Source:
    """Raises SourceError for a file of a kind that cannot be read, a symbol that a venue cannot have. A file is looked
    at only when it is read. `wall`, `monotonic`: the machine's clocks in ns."""
    feed = settings.feed
    # Each source is imported only where it is wanted: Arrow alone takes longer than all else.
    if feed.path is not None and feed.path.name.endswith(FRAMES_SUFFIX):
        from services.ingest.sources.frames import Frames

        return Frames(feed.path.expanduser(), [settings.instrument], settings.venue_late_max_ms * MS_NS)
    if feed.path is not None:
        from services.ingest.sources.replay import Replay

        return Replay(feed.path.expanduser(), reading, mark)
    if feed.venues:
        from services.ingest.sources.live import Live, Wanted
        from tidewheel.venues.catalogue import adapter_of
        from tidewheel.venues.ig_login import openers

        symbols = split_symbols(settings.instrument)
        try:
            adapters = [adapter_of(name, symbols, by_book=settings.venue_book) for name in feed.venues]
        except ValueError as failure:
            raise SourceError(str(failure)) from None
        late_max_ns, url = settings.venue_late_max_ms * MS_NS, settings.venue_url
        wanted = Wanted(adapters, symbols, late_max_ns, url, openers(settings))
        return Live(wanted, wall, monotonic, log)
    from services.ingest.sources.simulator import Simulator

    return Simulator(
        settings.sim_seed,
        settings.sim_edge,
        settings.sim_flip_s,
        MarketEventsFile(settings.sim_events_file, log),
    )


def open_warm_up(
    settings: Settings, reading: ReadingOptions, mark: PlaceMark, instruments: Sequence[str], until_ns: int
) -> "WarmUp":
    """What comes before a live feed, of those of its instruments that have not been heard live yet. Raises
    SourceError."""
    from services.ingest.sources.warm_up import WarmUp

    recordings: list[Recorded] = []
    held: set[str] = set()
    for path in (path.expanduser() for path in settings.warm_up):
        if path.name.endswith(FRAMES_SUFFIX):
            frames, found = _frames_of(path, instruments, settings.venue_late_max_ms * MS_NS)
            recordings.append(frames)
            held.update(found)
        elif len(settings.feed.instruments(settings.instrument)) > 1:
            raise SourceError(
                f"{path.name} does not say of which of {', '.join(instruments)} it is: before a live feed of several "
                "come only recordings that `tidewheel record` wrote"
            )
        else:
            from services.ingest.sources.replay import Replay

            recordings.append(Replay(path, reading, mark))
            held.update(instruments)
    return WarmUp(recordings, [one for one in instruments if one in held], until_ns)


def _frames_of(path: Path, instruments: Sequence[str], tolerance_ns: int) -> "tuple[Recorded, list[str]]":
    from services.ingest.sources.frames import Frames
    from tidewheel.venues.frame_files import FrameFile

    header = FrameFile(path).header
    found = [f"{header.venue}:{symbol}" for symbol in header.symbols if f"{header.venue}:{symbol}" in instruments]
    if not found:
        symbols = ", ".join(header.symbols)
        raise SourceError(f"{path.name} is of {symbols} at {header.venue}, and not of {', '.join(instruments)}")
    return Frames(path, [one.partition(":")[2] for one in found], tolerance_ns), found
