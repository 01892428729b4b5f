"""How a connection to a venue is opened, and what may come in place of one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tidewheel.domain.errors import TidewheelError
from tidewheel.venues.adapter import Adapter

# Of messages that wait in the library before the socket is read no further.
MESSAGES_WAITING_MAX = 1024
CLOSE_S = 1.0
# The library tells of each text at level DEBUG, and a text may hold the tokens of a login.
QUIET = logging.getLogger("tidewheel.venues.sockets")
QUIET.setLevel(logging.INFO)


class NoConnectionError(TidewheelError):
    """There is none, for a reason that is a sentence; another try may do."""


class HttpRefusedError(TidewheelError):
    """The answer was an error of HTTP. `detail`: the venue's word for it."""

    def __init__(self, status: int, retry_after: str | None, detail: str = "") -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.retry_after, self.detail = status, retry_after, detail


def as_it_is(text: str) -> str:
    """Nothing is to be filled in."""
    return text


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection. `filled`: a text as it is to be said by it."""

    socket: ClientConnection
    filled: Callable[[str], str] = as_it_is


class Opener(Protocol):
    async def __call__(self, url: str, adapter: Adapter) -> Line:
        """Raises OSError, NoConnectionError, HttpRefusedError, and what `websockets` raises of a handshake."""
        ...


async def open_socket(
    url: str, adapter: Adapter, subprotocols: Sequence[Subprotocol] | None = None
) -> ClientConnection:
    """A websocket as venues are heard by. Raises OSError, InvalidHandshake, InvalidURI, EOFError."""
    return await connect(
        url,
        logger=QUIET,
        subprotocols=subprotocols,
        compression=None,
        open_timeout=adapter.timing.open_s,
        ping_interval=None,  # `ConnectionLife` asks, and takes messages for an answer
        close_timeout=CLOSE_S,
        max_size=2 * adapter.message_bytes_max,  # what is too long to be parsed is told, and costs no connection
        max_queue=MESSAGES_WAITING_MAX,
    )


async def open_line(url: str, adapter: Adapter) -> Line:
    """What most venues want: a websocket and nothing before it."""
    return Line(await open_socket(url, adapter))
