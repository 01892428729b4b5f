"""The moving parts of a connection: one side of it, and one direction through the proxy."""

import asyncio
from collections import deque
from collections.abc import Callable

from tests.proxy.frames import Frame, FrameDecoder

# Behind a frame that is kept no more than this is read.
WAITING_BYTES_MAX = 16 * 2**20


class Endpoint(asyncio.Protocol):
    """The connection to a client or to the broker. What is written to one that is closed goes nowhere."""

    def __init__(
        self,
        on_open: Callable[[], None],
        on_data: Callable[[bytes], None],
        on_lost: Callable[[], None],
        on_full: Callable[[bool], None],
    ) -> None:
        self._on_open, self._on_data, self._on_lost, self._on_full = on_open, on_data, on_lost, on_full
        self._transport: asyncio.Transport | None = None

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def there(self) -> bool:
        """Whether there is still a socket, be it one that is closing."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._on_open()

    def data_received(self, data: bytes) -> None:
        self._on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_lost()

    def pause_writing(self) -> None:
        self._on_full(True)

    def resume_writing(self) -> None:
        self._on_full(False)

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def read(self, wanted: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading() if wanted else self._transport.pause_reading()

    def close(self) -> None:
        """What was written still goes out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class FrameStream:
    """One direction: what comes is passed on, but each wanted frame is given to `handle`, which may stop the rest."""

    def __init__(
        self,
        wanted: Callable[[bytes, int], bool],
        handle: Callable[[Frame], None],
        write: Callable[[bytes], None],
        read: Callable[[bool], None],
        *,
        stopped: bool = False,
    ) -> None:
        """`read`: told to read no more, or to go on, where the other end or what is held back is too full."""
        self._decoder = FrameDecoder(wanted)
        self._handle, self._write, self._read = handle, write, read
        self._stopped = stopped
        self._full = self._pumping = False
        self._between: deque[Callable[[], None]] = deque()

    @property
    def within_frame(self) -> bool:
        """Whether the receiver has the beginning of a frame, and not its end."""
        return self._decoder.within_frame

    def push(self, data: bytes) -> None:
        self._decoder.push(data)
        self._pump()

    def between(self, send: Callable[[], None]) -> None:
        """Send something as soon as no frame is under way."""
        self._between.append(send)
        self._pump()

    def end(self) -> None:
        """The receiver is gone: what is to be sent between frames is told so by being called."""
        while self._between:
            self._between.popleft()()

    def stop(self) -> None:
        self._stopped = True

    def go_on(self) -> None:
        self._stopped = False
        self._pump()

    def full(self, is_full: bool) -> None:
        """Told by the receiving side."""
        self._full = is_full
        self._regulate()

    def _pump(self) -> None:
        if self._pumping:  # what is done to a frame leads here again
            return
        self._pumping = True
        try:
            while self._step():
                pass
        finally:
            self._pumping = False
        self._regulate()

    def _step(self) -> bool:
        if self._between and not self.within_frame:
            self._between.popleft()()
            return True
        if self._stopped or (piece := self._decoder.pull()) is None:
            return False
        if isinstance(piece, Frame):
            self._handle(piece)
        else:
            self._write(piece)
        return True

    def _regulate(self) -> None:
        self._read(not self._full and not (self._stopped and self._decoder.waiting_bytes > WAITING_BYTES_MAX))
