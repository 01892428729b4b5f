"""The proxy itself: an event loop in a thread of its own, and what a test may ask of it from another."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, Self, TypeVar

from tests.proxy.connection import ProxiedConnection
from tests.proxy.events import Events
from tests.proxy.held_frames import HeldFrames
from tests.proxy.schedule import Schedule
from tests.proxy.stream import Endpoint
from tests.proxy.tampering import on_reply, on_request
from tests.waiting import LIMIT_S

HOST = "127.0.0.1"
T = TypeVar("T")


class Proxy:
    """Between clients and the broker that listens on `broker_port`, from `with` on.

    A client that connects while the broker is away is cut off, and comes again. `failures`: what no connection did
    expect; a test wants none.
    """

    def __init__(self, broker_port: int, schedule: Schedule | None = None, port: int = 0) -> None:
        self.broker_port, self.port = broker_port, port
        self.events = Events()
        self.failures: list[str] = []
        self._context = _ProxyContext(self, schedule or Schedule())
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._started: concurrent.futures.Future[int] = concurrent.futures.Future()

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        """Clients' and what is left of them."""
        return self._run_in_loop(lambda: len(self._context.connections))

    def __enter__(self) -> Self:
        """Raises OSError where the port is taken."""
        self._thread.start()
        self.port = self._started.result(LIMIT_S)
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """All connections are cut, and what is kept is lost."""
        if self._thread.is_alive():
            self._run_in_loop(self._context.ended.set)
            self._thread.join(LIMIT_S)

    def use(self, schedule: Schedule) -> None:
        """From now on another schedule decides. What is kept stays so."""
        self._run_in_loop(lambda: setattr(self._context, "schedule", schedule))

    def release(self) -> int:
        """Let go everything that is kept, whatever it waits for; how many that was."""
        return self._run_in_loop(self._context.held_frames.release_all)

    def _run_in_loop(self, call: Callable[[], T]) -> T:
        """Done by the loop's thread."""
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def answered() -> None:
            try:
                answer.set_result(call())
            except Exception as failure:
                answer.set_exception(failure)

        self._context.loop.call_soon_threadsafe(answered)
        return answer.result(LIMIT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as failure:
            if self._started.done():
                self.failures.append(repr(failure))
            else:
                self._started.set_exception(failure)

    async def _serve(self) -> None:
        context = self._context
        context.begin(asyncio.get_running_loop())
        server = await context.loop.create_server(context.accepted, HOST, self.port)
        self._started.set_result(server.sockets[0].getsockname()[1])
        await context.ended.wait()
        server.close()
        await context.end()


class _ProxyContext:
    """What the connections share; see connection.ProxyContext."""

    def __init__(self, proxy: Proxy, schedule: Schedule) -> None:
        self.schedule = schedule
        self.events = proxy.events
        self.connections: set[ProxiedConnection] = set()
        self._proxy = proxy
        self._orders = count()
        self._dialling: set[asyncio.Task[None]] = set()

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ended = asyncio.Event()
        self.held_frames = HeldFrames(loop.call_later)
        self._none_left = asyncio.Event()
        self._began_s = loop.time()
        loop.set_exception_handler(self._failed)

    async def end(self) -> None:
        for task in self._dialling:
            task.cancel()
        self._none_left.clear()
        for connection in list(self.connections):
            connection.abort()
        if self.connections:
            await self._none_left.wait()

    def accepted(self) -> Endpoint:
        connection = ProxiedConnection(self, on_request, on_reply)
        self.connections.add(connection)
        return connection.client

    def now_s(self) -> float:
        return self.loop.time() - self._began_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> object:
        return self.loop.call_later(delay_s, call)

    def next_order(self) -> int:
        return next(self._orders)

    def dial(self, connection: ProxiedConnection) -> None:
        task = self.loop.create_task(self._dial(connection))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _dial(self, connection: ProxiedConnection) -> None:
        try:
            async with asyncio.timeout(LIMIT_S):
                await self.loop.create_connection(lambda: connection.broker, HOST, self._proxy.broker_port)
        except (OSError, TimeoutError, asyncio.CancelledError):
            connection.undialled()

    def gone(self, connection: ProxiedConnection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._none_left.set()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._proxy.failures.append(f"{context['message']}: {context.get('exception')!r}")
