"""Reading of files in a process of its own, so that a crash of a library's parser becomes a sentence with its place."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import click

from tidewheel.domain.errors import TidewheelError
from tidewheel.local.processes.tether import die_with_parent
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.runtime.process import FatalError

T = TypeVar("T")
# Places of one call at which a library may crash and the reader goes on line by line.
CRASHES_MAX = 3


# By which native code ends a process.
CRASHES = frozenset((signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE))


class CrashError(TidewheelError):
    """The process that read a file was ended; `again`: by a crash, so that it is worth another try without what
    crashed."""

    def __init__(self, exit_code: int | None) -> None:
        number = -(exit_code or 0)
        self.again = number in CRASHES
        super().__init__(signal.Signals(number).name if number > 0 else f"exit code {exit_code}")


def guarded(read: Callable[[PlaceMark], T]) -> T:
    """What `read` returns, or raises. Where a parser crashes, which is told with its place, it is called again with
    the mark of that, and so reads that part without it. Raises FatalError where that does not help.

    The process is a fork, which costs nothing to start; where it could not be a safe one, there is none.
    """
    if threading.active_count() > 1 or not sys.platform.startswith("linux"):
        return read(NO_MARK)
    with TemporaryDirectory(prefix="tidewheel-") as folder:
        path, message = Path(folder) / "place", ""
        for _ in range(CRASHES_MAX):
            try:
                return _in_fork(lambda: read(PlaceMark(path)))
            except CrashError as crash:
                place = PlaceMark.last_place(path)
                message = f"the reader crashed at {place} ({crash})" if place else f"the reader crashed ({crash})"
                if not place or not crash.again:
                    break
                click.echo(f"tidewheel: {message}; that part is now read line by line", err=True)
        raise FatalError(f"{message}. The file is damaged there, or the library that reads it has a fault")


def _in_fork(call: Callable[[], T]) -> T:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(call, theirs, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    try:
        answer = _received(ours)
        process.join()
    finally:
        if process.is_alive():
            process.terminate()
            process.join()
    if answer is None:
        raise CrashError(process.exitcode)
    result, failure = answer
    if failure is not None:
        raise failure
    return result  # type: ignore[no-any-return]


def _received(ours: Connection) -> tuple[Any, Exception | None] | None:
    with suppress(EOFError):
        answer: tuple[Any, Exception | None] = ours.recv()
        return answer
    return None


def _answer(call: Callable[[], Any], theirs: Connection, parent: int) -> None:
    if not die_with_parent(signal.SIGKILL, parent):
        return
    with suppress(KeyboardInterrupt):
        try:
            answer: tuple[Any, Exception | None] = (call(), None)
        except (TidewheelError, click.ClickException, OSError) as failure:
            answer = None, failure
        theirs.send(answer)
