"""Kafka's frames as far as a proxy has to know them: where one begins, what kind it is, whose. Pure.

A frame is a length of 4 bytes and so many bytes. A request begins with API key, version, correlation id and client id,
a reply with the correlation id alone, so that what it answers has to be remembered.
"""

import struct
from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import NamedTuple

LENGTH = struct.Struct(">i")
REQUEST = struct.Struct(">ihhi")
REPLY = struct.Struct(">ii")
# Of both kinds so much must have come before one can say what a frame is: length and API key, or correlation id.
HEAD_BYTES = 8
FRAME_BYTES_MAX = 128 * 2**20
API_KEY_AT = 4


class ApiKey(IntEnum):
    """Kafka's numbers of the requests that matter here."""

    PRODUCE = 0
    FETCH = 1
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28


class Direction(StrEnum):
    REQUEST = "request"
    REPLY = "reply"


class MalformedFrameError(ValueError):
    """Bytes that are no frame."""


class Frame(NamedTuple):
    """A whole frame, its length included."""

    data: bytes


class FrameDecoder:
    """Cuts a stream into frames that are wanted, each as a whole, and everything between them, in pieces as it came.

    `wanted(data, at)` is asked once or more for each frame, with `at` the place of its length in `data` and at least
    HEAD_BYTES from there. What is pushed while nobody pulls stays in here.
    """

    def __init__(self, wanted: Callable[[bytes, int], bool]) -> None:
        self._wanted = wanted
        self._data = b""
        self._at = 0
        self._more: list[bytes] = []
        self._left = 0  # bytes still to come of a frame that is passed unread

    @property
    def within_frame(self) -> bool:
        """Whether what was pulled last ends within a frame."""
        return self._left > 0

    @property
    def waiting_bytes(self) -> int:
        return len(self._data) - self._at + sum(map(len, self._more))

    def push(self, data: bytes) -> None:
        self._more.append(data)

    def pull(self) -> bytes | Frame | None:
        """The next piece; None where more has to come first. Raises MalformedFrameError."""
        if self._more:
            self._data = (
                b"".join([self._data[self._at :], *self._more]) if self._at < len(self._data) else self._fresh()
            )
            self._at = 0
            self._more.clear()
        start = self._at
        found = self._skip_unwanted()
        if self._at > start:
            return self._data[start : self._at]
        return self._whole() if found else None

    def _fresh(self) -> bytes:
        return self._more[0] if len(self._more) == 1 else b"".join(self._more)

    def _skip_unwanted(self) -> bool:
        """Go on to the next frame that is wanted; False where none has come."""
        data, at, end = self._data, self._at, len(self._data)
        while True:
            if self._left:
                step = min(self._left, end - at)
                at += step
                self._left -= step
            if self._left or end - at < HEAD_BYTES:
                self._at = at
                return False
            size = frame_bytes(data, at)
            if self._wanted(data, at):
                self._at = at
                return True
            self._left = size

    def _whole(self) -> Frame | None:
        end = self._at + frame_bytes(self._data, self._at)
        if len(self._data) < end:
            return None
        frame = Frame(self._data[self._at : end])
        self._at = end
        return frame


def frame_bytes(data: bytes, at: int) -> int:
    """Of the frame that begins there, its length included. Raises MalformedFrameError."""
    (length,) = LENGTH.unpack_from(data, at)
    if not HEAD_BYTES - LENGTH.size <= length <= FRAME_BYTES_MAX:
        raise MalformedFrameError(f"no frame has {length} bytes")
    return int(length) + LENGTH.size


def api_key_of(data: bytes, at: int) -> int:
    return data[at + API_KEY_AT] << 8 | data[at + API_KEY_AT + 1]


def correlation_of(data: bytes, at: int) -> int:
    """Of a reply."""
    return int(REPLY.unpack_from(data, at)[1])
