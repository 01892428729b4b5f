"""Ctrl-C and its kin: the first asks for an orderly end, the next for an end at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class ForcedStop(KeyboardInterrupt):
    """A second Ctrl-C, or one while the run was already ending: everything is killed."""


class Interrupts:
    """`asked`: someone wants the run to end. Once `ending` is set, whoever asks (again) raises ForcedStop."""

    def __init__(self) -> None:
        self.asked = False
        self.ending = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked or self.ending:
            raise ForcedStop
        self.asked = True


@contextmanager
def handle_signals() -> Iterator[Interrupts]:
    """Signals go to the yielded object until the block is left."""
    interrupts = Interrupts()
    with _handled_by(interrupts):
        yield interrupts


class Interruption:
    """Raises KeyboardInterrupt. Python ignores that where the signal comes in a destructor or a callback of its
    own; so who has done what took a while asks again."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raises KeyboardInterrupt where there was a signal."""
        if self._asked:
            raise KeyboardInterrupt


@contextmanager
def signals_interrupt() -> Iterator[Interruption]:
    """Whatever asks this process to end is a Ctrl-C, so that what a block made goes with it."""
    interruption = Interruption()
    with _handled_by(interruption):
        yield interruption


@contextmanager
def children_deaf_to_ctrl_c() -> Iterator[None]:
    """Processes and threads started in the block never hear a Ctrl-C, which a terminal sends to its whole group: a
    library's processes, that who started them ends. One that comes meanwhile is heard when the block is left."""
    resource_tracker.ensure_running()  # in Python 3.11 its start would let signals in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
