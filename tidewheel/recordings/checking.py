"""One recording, read from its first row to its last, and what is found of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidewheel.recordings.account import Account, line
from tidewheel.recordings.accounts import Accounts
from tidewheel.recordings.dealing import each_batch
from tidewheel.recordings.instrument_column import ALL, InstrumentColumn
from tidewheel.recordings.layout import Layout, NumberTime
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.recordings.profile import Profile
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording

# Called after each batch with how many rows have been read, and the time that they have come to in nanoseconds.
OnProgress = Callable[[int, int], None]


@dataclass(slots=True)
class InstrumentCheck:
    """What is found of one of several instruments."""

    account: Account
    profile: Profile = field(default_factory=Profile)


@dataclass(slots=True)
class Check:
    """What is found of one recording so far.

    `each`: where it is of several instruments, what is found of each; `profile` is then of none.

    `layouts`: how its files are read, a line for those that are read alike. `files`: each with its layout. `of`: what
    columns that tell instruments apart say. `describe`: a place in words. `failure`: why it cannot be read, or not
    further; empty where it can.
    """

    layouts: list[str] = field(default_factory=list)
    files: dict[str, Layout] = field(default_factory=dict)
    of: dict[str, str] = field(default_factory=dict)
    account: Account = field(default_factory=Account)
    profile: Profile = field(default_factory=Profile)
    describe: Callable[[int], str] = line
    failure: str = ""
    each: dict[str, InstrumentCheck] = field(default_factory=dict)


def check(path: Path, options: ReadingOptions, progress: OnProgress, mark: PlaceMark = NO_MARK) -> Check:
    """Read a recording; all that is wrong with it is in the answer."""
    found, accounts = Check(), Accounts()
    found.account = accounts.total
    try:
        recording = Recording(path, options, mark)
        found.layouts = recording.layouts()
        found.files = {file.part.name: file.layout for file in recording.files}
        found.describe = recording.describe
        for dealt in recording.dealt():
            for name, batch in each_batch(dealt):
                ticks = accounts.take(name, batch)
                profile = _profile(found, name, accounts)
                profile.on_quotes(ticks.quotes)
                progress(found.account.rows, profile.last_ns)
        found.of = {name: value for file in recording.files for name, value in file.of.items()}
        recording.check_found(accounts)
    except SourceError as failure:
        found.failure = str(failure)
    return found


def _profile(found: Check, name: str, accounts: Accounts) -> Profile:
    if not name:
        return found.profile
    if name not in found.each:
        found.each[name] = InstrumentCheck(accounts.each[name])
    return found.each[name].profile


def layout_dict(layout: Layout) -> dict[str, Any]:
    """How a file is read, as plain values."""
    return {
        "name": layout.name,
        "time": layout.time,
        "clock": str(layout.clock),
        "time_unit": layout.clock.unit if isinstance(layout.clock, NumberTime) else None,
        "prices": list(layout.prices),
        "bid_size": layout.bid_size,
        "offer_size": layout.offer_size,
        "tells_apart": list(layout.apart),
        "chosen": layout.chosen and {layout.chosen.name: _chosen_value(layout.chosen)},
        "delimiter": layout.delimiter,
        "header": layout.header,
        "notes": list(layout.notes),
    }


def _chosen_value(chosen: InstrumentColumn) -> str | list[str]:
    if len(chosen.values) > 1:
        return list(chosen.values)
    return chosen.values[0] if chosen.values else ALL
