"""A client that sends the requests it is told to and nothing else, on one connection: for tests of the proxy."""

import select
import socket
import struct

from tests.proxy.frames import LENGTH, REPLY, ApiKey
from tests.waiting import LIMIT_S

HOST = "127.0.0.1"
ALL_TOPICS = struct.pack(">i", -1)


def metadata_request(correlation_id: int, client: str) -> bytes:
    """A frame that any broker answers."""
    name = client.encode()
    header = struct.pack(">hhih", ApiKey.METADATA, 1, correlation_id, len(name)) + name
    return LENGTH.pack(len(header) + len(ALL_TOPICS)) + header + ALL_TOPICS


class RawClient:
    """Waits for LIMIT_S at most. Raises OSError."""

    def __init__(self, port: int, client: str) -> None:
        self._client = client
        self._socket = socket.create_connection((HOST, port), LIMIT_S)

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def ask(self, *correlation_ids: int) -> None:
        """In one piece."""
        self.send(b"".join(metadata_request(number, self._client) for number in correlation_ids))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answered(self, *correlation_ids: int) -> bool:
        """Ask one after the other; whether each is answered."""
        for number in correlation_ids:
            self.ask(number)
            if self.answer() != number:
                return False
        return True

    def answer(self) -> int | None:
        """The correlation id of the next reply; None where the connection was closed."""
        head = self._bytes(REPLY.size)
        if head is None:
            return None
        length, correlation_id = REPLY.unpack(head)
        self._bytes(length + LENGTH.size - REPLY.size)
        return int(correlation_id)

    @property
    def silent(self) -> bool:
        """Nothing has come that was not taken."""
        return not select.select([self._socket], [], [], 0.0)[0]

    def _bytes(self, count: int) -> bytes | None:
        found = b""
        while len(found) < count:
            try:
                more = self._socket.recv(count - len(found))
            except ConnectionResetError:
                return None
            if not more:
                return None
            found += more
        return found
