"""`tidewheel data`: recorded files, checked and converted before anything runs on them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from tidewheel.cli.data_views import check_dict, check_text, instant
from tidewheel.cli.guarded import guarded
from tidewheel.cli.piped import readable
from tidewheel.cli.progress import ProgressLine
from tidewheel.cli.reading_options import as_options, reading_options
from tidewheel.cli.registry_access import json_option
from tidewheel.local.clock import this_year
from tidewheel.recordings.account import account_lines
from tidewheel.recordings.checking import check as check_recording
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.place_mark import PlaceMark
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording
from tidewheel.runtime.process import EXIT_FAILED, FatalError

PARQUET = ".parquet"


@click.group()
def data() -> None:
    """Check recorded files, or convert them to Parquet of our own columns. Starts no server."""


@data.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@reading_options
@json_option
@click.pass_context
def check(ctx: click.Context, /, files: tuple[Path, ...], as_json: bool, **given: Any) -> None:
    """Say how each FILE is read, and what it holds.

    FILE is a recording as `tidewheel run --feed replay:FILE` takes it: a file, a folder or pattern of files that are
    merged by time, or - for what comes by a pipe. Told are the layout, unit and zone of its times, span, sessions and
    gaps, quotes a second, spread, price step, the share of bad rows with the first of each kind, and a threshold at
    which labels live some minutes. Every row is read. Exit code 0: all can be read; 1: some cannot, each told with the
    place and what to do.
    """
    reading, failed = as_options(given, this_year()), False
    for file in files:
        with readable(file) as path, reported(file) as progress:
            text, failure = guarded(partial(_checked, file, path, reading, progress, as_json))
        failed = failed or failure
        click.echo(text)
    if failed:
        ctx.exit(EXIT_FAILED)


def _checked(
    file: Path, path: Path, reading: ReadingOptions, progress: "_Rows", as_json: bool, mark: PlaceMark
) -> tuple[str, bool]:
    """What is found of a file, and whether it cannot be read."""
    one = check_recording(path, reading, progress, mark)
    text = json.dumps(check_dict(str(file), one), allow_nan=False) if as_json else check_text(str(file), one)
    return text, bool(one.failure)


@data.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "target",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The Parquet file to write; one that is there already is never replaced.",
)
@reading_options
def convert(file: Path, target: Path, **given: Any) -> None:
    """Write FILE, or a folder or pattern of files, as Parquet.

    Its columns are time_ns, bid, offer, and bid_size and offer_size where there are any; symbol before them where it
    is of several instruments, which --instrument-column symbol then runs. Every quote is exactly what
    stands in FILE, so that the converted file runs to the same labels. Rows that are no quotes are left out, and told.
    """
    if target.suffix != PARQUET:
        raise click.BadParameter(f"{target} must end in {PARQUET}", param_hint="--out")
    from tidewheel.recordings.conversion import draft_of

    with readable(file) as path, reported(file) as progress:
        try:
            with draft_of(target) as draft:
                lines, ticks = guarded(partial(_written, path, draft, as_options(given, this_year()), progress))
        except SourceError as failure:
            raise FatalError(f"{failure}; nothing was written") from None
        except FileExistsError:
            raise FatalError(f"{target} is there already, and is not replaced") from None
        except OSError as failure:
            raise FatalError(f"{target} cannot be written: {failure.strerror or failure}") from None
    for line in lines:
        click.echo(line)
    click.echo(f"{target}: {ticks:,} quotes")


def _written(
    path: Path, draft: Path, reading: ReadingOptions, progress: "_Rows", mark: PlaceMark
) -> tuple[list[str], int]:
    """The account of the rows, and how many quotes were written."""
    from tidewheel.recordings.conversion import write

    recording = Recording(path, reading, mark)
    account = write(recording, draft, lambda rows: progress(rows, 0))
    return account_lines(account.as_dict(recording.describe)), account.ticks


class _Rows:
    """Tells a progress line of a file's rows."""

    def __init__(self, file: Path, line: ProgressLine) -> None:
        self._file, self._line = file, line

    def __call__(self, rows: int, time_ns: int) -> None:
        self._line.show(f"{self._file}: {rows:,} rows" + (f", up to {instant(time_ns)}" if time_ns else ""))


@contextmanager
def reported(file: Path) -> Iterator[_Rows]:
    """Progress on a file's rows, gone with the block."""
    line = ProgressLine()
    try:
        yield _Rows(file, line)
    finally:
        line.clear()
