"""The one that touches the network: carries out what `ConnectionLife` decides, and hands each message on as it comes.

The time of receipt is taken first, before anything is parsed; nothing is awaited between that and the queue.
"""

import asyncio
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.recordings.quotes import SourceError
from tidewheel.telemetry.logs import Log
from tidewheel.venues import connection_life as life
from tidewheel.venues.connection_life import ConnectionLife, Loss
from tidewheel.venues.frames import (
    Acknowledged,
    Broken,
    Closing,
    Frame,
    Heartbeat,
    Late,
    MarketState,
    Quote,
    Refused,
)
from tidewheel.venues.intake import Intake
from tidewheel.venues.opening import HttpRefusedError, Line, NoConnectionError, Opener, open_line

CHECK_EVERY_S = 0.05
GOODBYE_S = 2.0

Tap = Callable[[int, int, str], None]  # number of the connection, time of receipt, text


class VenueClient:
    """One venue, in one event loop. `clock`: time of receipt in ns; `monotonic`: seconds, for all that is waited for;
    `tap`: given each message as it came; `opener`: makes connections."""

    def __init__(
        self,
        intake: Intake,
        connection: ConnectionLife,
        clock: Callable[[], int],
        log: Log,
        tap: Tap | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        opener: Opener = open_line,
    ) -> None:
        self.name = connection.adapter.name
        self.losses: Counter[Loss] = Counter()
        self.serving = False
        self.opened = 0
        self._intake = intake
        self._life = connection
        self._clock = clock
        self._log = log
        self._tap = tap
        self._monotonic = monotonic
        self._opener = opener
        self._lines: dict[int, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._last_error = ""

    @property
    def status(self) -> str:
        """What is heard, and where, for people."""
        return f"{', '.join(self._life.symbols)} at {' or '.join(self._life.urls)}"

    @property
    def intake(self) -> Intake:
        return self._intake

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises SourceError in one sentence where trying again changes nothing."""
        self._perform(self._life.start(self._monotonic()))
        while not stop.is_set() and self._failure is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), CHECK_EVERY_S)
            self._perform(self._life.on_time(self._monotonic()))
        self._perform(self._life.stop())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GOODBYE_S)
        for task in self._tasks:
            task.cancel()
        if self._failure is not None:
            raise self._failure

    def _perform(self, actions: list[life.Action]) -> None:
        for action in actions:
            self._do(action)

    def _do(self, action: life.Action) -> None:
        match action:
            case life.Connect(number, url):
                self._spawn(self._connect(number, url))
            case life.Send(number, text, wait_s):
                self._spawn(self._send(number, text, wait_s))
            case life.Ping(number):
                self._spawn(self._ping(number))
            case life.CloseConnection(number, at_once):
                self._close(number, at_once=at_once)
            case life.Opened(number):
                self.opened += 1
                self._intake.put_event(FeedEvent.CONNECTED, self._clock(), self.name, number)
            case life.Serve(number, seamless):
                self._on_serve(number, seamless=seamless)
            case life.Lost():
                self._on_lost(action)
            case life.StopCapture(sentence):
                self._failure = SourceError(sentence)

    def _on_serve(self, number: int, *, seamless: bool) -> None:
        self.serving, self._last_error = True, ""
        how = "a new connection has taken over" if seamless else "subscribed"
        self._log.info("%s: %s", self.name, how)
        self._intake.put_event(FeedEvent.SUBSCRIBED, self._clock(), self.name, number)

    def _on_lost(self, lost: life.Lost) -> None:
        self.losses[lost.why] += 1
        self.serving = False
        self._intake.on_gap()
        words = f"{lost.why.replace('_', ' ')}: {lost.detail}"
        if lost.serving:
            self._intake.put_event(FeedEvent.DISCONNECTED, self._clock(), words, self._intake.epoch)
        if words != self._last_error or lost.serving:  # the same again and again is said once
            self._log.warning("%s: %s; the next try is in %.1f s", self.name, words, lost.retry_s)
        self._last_error = words

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = self._failure or failure

    async def _connect(self, number: int, url: str) -> None:
        now = self._monotonic
        try:
            line = await self._opener(url, self._life.adapter)
        except InvalidStatus as failure:
            answer = failure.response
            retry_after_s = _seconds(answer.headers.get("Retry-After"))
            self._perform(self._life.on_http(number, answer.status_code, retry_after_s, now()))
        except HttpRefusedError as refusal:
            retry_after_s = _seconds(refusal.retry_after)
            self._perform(self._life.on_http(number, refusal.status, retry_after_s, now(), refusal.detail))
        except (OSError, InvalidHandshake, InvalidURI, EOFError, NoConnectionError) as failure:
            self._perform(self._life.on_closed(number, Loss.FAILED, failure_words(failure), now()))
        else:
            self._lines[number] = line
            self._perform(self._life.on_open(number, now()))
            await self._read(number, line.socket)

    async def _read(self, number: int, socket_: ClientConnection) -> None:
        clock, receive = self._clock, socket_.recv
        try:
            while number in self._lines:
                text = await receive()
                received_ns = clock()
                self._on_text(number, received_ns, text if isinstance(text, str) else text.decode("latin-1"))
        except ConnectionClosed as closed:
            self._perform(self._life.on_closed(number, Loss.CLOSED, close_words(closed), self._monotonic()))
        finally:
            self._lines.pop(number, None)

    def _on_text(self, number: int, received_ns: int, text: str) -> None:
        if self._tap is not None:
            self._tap(number, received_ns, text)
        self._life.on_heard(number, self._monotonic())
        for frame in self._intake.on_text(number, received_ns, text):
            self._on_frame(number, frame)

    def _on_frame(self, number: int, frame: Frame) -> None:
        kind, now_s = type(frame), self._monotonic()
        if kind is Quote:
            self._life.on_quote(number, now_s)
        elif kind is Heartbeat or kind is MarketState:
            self._life.on_sign(number, now_s)
        elif isinstance(frame, Acknowledged):
            self._perform(self._life.on_acknowledged(number, frame.symbols, now_s))
        elif isinstance(frame, Refused):
            if frame.detail != self._last_error:  # the same again and again is said once
                self._log.warning("%s says: %s", self.name, frame.detail[:200])
                self._last_error = frame.detail
            self._perform(self._life.on_refused(number, frame.detail[:200], now_s))
        elif isinstance(frame, Broken):
            self._perform(self._life.on_broken(number, frame.detail, now_s))
        elif isinstance(frame, Late):
            self._perform(self._life.on_late(number, frame.detail, now_s))
        elif isinstance(frame, Closing):
            self._log.info("%s will close this connection: %s", self.name, frame.detail[:200])
            self._perform(self._life.on_announced(number, now_s))

    async def _send(self, number: int, text: str, wait_s: float) -> None:
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        line = self._lines.get(number)
        if line is not None:
            with suppress(ConnectionClosed):
                await line.socket.send(line.filled(text))

    async def _ping(self, number: int) -> None:
        line = self._lines.get(number)
        if line is not None:
            with suppress(ConnectionClosed):
                await (await line.socket.ping())
                self._life.on_heard(number, self._monotonic())

    def _close(self, number: int, *, at_once: bool) -> None:
        line = self._lines.get(number)
        if line is None:
            return
        if at_once:
            del self._lines[number]  # what still waits to be read is not heard
            line.socket.transport.abort()
        else:
            self._spawn(line.socket.close())


def _seconds(retry_after: str | None) -> float | None:
    """What the header says; a date in it is not understood, and waited for by our own rule."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit() or len(retry_after) > 6:
        return None
    return float(retry_after)


def failure_words(failure: BaseException) -> str:
    """Why no connection came about, for people."""
    if isinstance(failure, socket.gaierror):
        return f"its name cannot be resolved ({failure.strerror}): is there a network?"
    if isinstance(failure, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {failure.verify_message}"
    if isinstance(failure, ConnectionRefusedError):
        return "nothing answers at its address"
    if isinstance(failure, TimeoutError):
        return "no answer in time"
    return f"{failure}"[:200] or type(failure).__name__


def close_words(closed: ConnectionClosed) -> str:
    """How a connection ended, for people."""
    frame = closed.rcvd
    if frame is None:
        return "the connection broke"
    return f"code {frame.code}" + (f", {frame.reason[:100]}" if frame.reason else "")
