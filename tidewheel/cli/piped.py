"""What comes by a pipe, as a file: a recording is read more than once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tidewheel.domain.feeds import STDIN
from tidewheel.local.data_dir import make_folder
from tidewheel.runtime.process import FatalError


def keep_piped(path: Path) -> Path:
    """Write all that comes to a file. Raises UsageError where nothing is piped, FatalError."""
    stdin = click.get_binary_stream("stdin")
    if stdin.isatty():
        raise click.UsageError(f"{STDIN} stands for what comes by a pipe, and nothing does")
    make_folder(path.parent)
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(stdin, file)
    except OSError as failure:
        raise FatalError(f"{path} cannot be written: {failure.strerror}") from failure
    return path


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The path itself; for `-`, what comes by a pipe, for as long as the block lasts."""
    if path != STDIN:
        yield path
        return
    with TemporaryDirectory(prefix="tidewheel-") as folder:
        yield keep_piped(Path(folder) / "stdin")
