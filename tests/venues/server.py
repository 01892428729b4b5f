"""A venue on this machine: speaks a venue's protocol over real websockets, by a script for each connection."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.venues.ig_venue import Ig, login_server
from tests.venues.speakers import Said, Speaker
from tests.waiting import eventually


@dataclass(frozen=True)
class Http:
    """An answer in place of a connection."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Peer:
    """One connection as the venue sees it."""

    speaker: Speaker
    socket: ServerConnection
    server: "VenueServer"
    heard: list[str] = field(default_factory=list)

    async def subscribed(self) -> list[str]:
        """Wait for the subscription and agree to it."""
        symbols = await self.asked()
        for text in self.speaker.acks(symbols):
            await self.say(text)
        return symbols

    async def asked(self) -> list[str]:
        """Wait for the subscription."""
        while True:
            text = str(await self.socket.recv())
            self.server.heard.append(text)
            for answer in self.speaker.answers(text):
                await self.socket.send(answer)
            if (symbols := self.speaker.asked(text)) is not None:
                return symbols

    async def say(self, text: str | bytes) -> None:
        await self.socket.send(text)
        self.server.messages += 1

    async def quote(self, *quotes: Said) -> None:
        for one in quotes:
            self.server.quoted.append(one)
            await self.say(self.speaker.quote(one))

    async def stay(self) -> None:
        """Say no more until the other side goes; hear what it says."""
        with suppress(ConnectionClosed):
            while True:
                self.server.heard.append(str(await self.socket.recv()))

    async def until(self, event: threading.Event) -> None:
        """Wait for a word of the test."""
        await asyncio.get_running_loop().run_in_executor(None, event.wait)

    async def pause(self, pause_s: float) -> None:
        """Let a little time pass between what is said."""
        await asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, pause_s)

    async def arrived(self) -> None:
        """Wait until the other side has all that was said."""
        await (await self.socket.ping())

    def abort(self) -> None:
        """As where a cable is cut."""
        self.socket.transport.abort()


Script = Callable[[Peer], Awaitable[None]] | Http


@dataclass
class VenueServer:
    """`scripts`: what each connection meets, in order; the last one also those after it."""

    speaker: Speaker
    scripts: Sequence[Script]
    quoted: list[Said] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    url: str = ""
    connections: int = 0
    messages: int = 0
    _numbers: "count[int]" = field(default_factory=count)

    def _script(self, number: int) -> Script:
        return self.scripts[min(number, len(self.scripts) - 1)]

    def on_request(self, connection: ServerConnection, _: Request) -> Response | None:
        self.connections += 1
        connection.username = str(next(self._numbers))  # which connection it is, kept where the library lets us
        script = self._script(int(connection.username))
        if isinstance(script, Http):
            return Response(script.status, HTTPStatus(script.status).phrase, Headers(script.headers), b"")
        return None

    async def on_connection(self, socket: ServerConnection) -> None:
        script = self._script(int(socket.username))
        assert not isinstance(script, Http)
        with suppress(ConnectionClosed):
            await script(Peer(self.speaker, socket, self))


@contextmanager
def venue_server(speaker: Speaker, *scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[VenueServer]:
    """A server in a thread of its own, on a free port."""
    server = VenueServer(speaker, scripts)
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        ends = asyncio.Event()
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "close_timeout": 0.5, "ssl": tls}
        options["subprotocols"] = list(speaker.subprotocols) or None
        async with serve(
            server.on_connection, "127.0.0.1", 0, process_request=server.on_request, **options
        ) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            server.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/"
            loops.append((asyncio.get_running_loop(), ends))
            await ends.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    eventually(lambda: bool(loops), "the venue listens")
    try:
        with ExitStack() as stack:
            if isinstance(speaker, Ig):
                speaker.login = stack.enter_context(login_server(server.url.rstrip("/")))
                server.url = speaker.login.url
            yield server
    finally:
        loop, ends = loops[0]
        loop.call_soon_threadsafe(ends.set)
        thread.join(10)
