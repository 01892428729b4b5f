"""What a request says of itself, and whether its reply is an error: the few bytes that a proxy looks into. Pure."""

import struct
from typing import NamedTuple

from tests.proxy.frames import REPLY, REQUEST, ApiKey, Direction, Frame, MalformedFrameError

SHORT = struct.Struct(">h")
THROTTLE_BYTES = 4
NEVER = 1 << 15
# From which version on strings are compact and headers have tagged fields; all of these begin with a transactional id.
FLEXIBLE_SINCE: dict[int, int] = {
    ApiKey.PRODUCE: 9,
    ApiKey.INIT_PRODUCER_ID: 2,
    ApiKey.ADD_PARTITIONS_TO_TXN: 3,
    ApiKey.ADD_OFFSETS_TO_TXN: 3,
    ApiKey.END_TXN: 3,
    ApiKey.TXN_OFFSET_COMMIT: 3,
}
# Before, or from then on, it does not begin with one.
ID_SINCE: dict[int, int] = {ApiKey.PRODUCE: 3}
ID_UNTIL: dict[int, int] = {ApiKey.ADD_PARTITIONS_TO_TXN: 4}


class ErrorLayout(NamedTuple):
    """A kind of reply that has one error code: from which version on the time to throttle stands before it, and from
    which on its header has tagged fields."""

    throttled_since: int
    flexible_since: int


ONE_ERROR: dict[int, ErrorLayout] = {
    ApiKey.JOIN_GROUP: ErrorLayout(2, 6),
    ApiKey.HEARTBEAT: ErrorLayout(1, 4),
    ApiKey.LEAVE_GROUP: ErrorLayout(1, 4),
    ApiKey.SYNC_GROUP: ErrorLayout(1, 4),
    ApiKey.INIT_PRODUCER_ID: ErrorLayout(0, 2),
    ApiKey.ADD_OFFSETS_TO_TXN: ErrorLayout(0, 3),
    ApiKey.END_TXN: ErrorLayout(0, 3),
}


class FrameInfo(NamedTuple):
    """A frame as rules see it. `order`: of all requests seen its place; a reply has that of its request."""

    api_key: int
    direction: Direction
    client: str
    transactional_id: str | None
    order: int

    @property
    def owner(self) -> tuple[str, str | None]:
        """Whose it is: several producers of a program may have one client id."""
        return self.client, self.transactional_id


class Request(NamedTuple):
    """The header of a request."""

    api_key: int
    version: int
    correlation_id: int
    client: str
    transactional_id: str | None

    def info(self, order: int, direction: Direction = Direction.REQUEST) -> FrameInfo:
        return FrameInfo(self.api_key, direction, self.client, self.transactional_id, order)


def request_of(frame: Frame) -> Request:
    """Raises MalformedFrameError."""
    try:
        _, api_key, version, correlation_id = REQUEST.unpack_from(frame.data)
        client, at = _string(frame.data, REQUEST.size)
        transactional_id = _transactional_id(frame.data, at, api_key, version)
    except (struct.error, IndexError, UnicodeDecodeError) as failure:
        raise MalformedFrameError(f"no request: {failure}") from failure
    return Request(api_key, version, correlation_id, client or "", transactional_id)


def error_of(request: Request, reply: Frame) -> int | None:
    """Kafka's error code in a reply, 0 for none; None where this module does not know."""
    layout = ONE_ERROR.get(request.api_key)
    if layout is None:
        return None
    at = REPLY.size + (request.version >= layout.flexible_since)  # no tagged field, in one byte
    at += THROTTLE_BYTES * (request.version >= layout.throttled_since)
    try:
        return int(SHORT.unpack_from(reply.data, at)[0])
    except struct.error as failure:
        raise MalformedFrameError(f"no reply: {failure}") from failure


def _transactional_id(data: bytes, at: int, api_key: int, version: int) -> str | None:
    if api_key not in FLEXIBLE_SINCE or not ID_SINCE.get(api_key, 0) <= version < ID_UNTIL.get(api_key, NEVER):
        return None
    if version < FLEXIBLE_SINCE[api_key]:
        return _string(data, at)[0]
    return _compact_string(data, _after_tags(data, at))


def _string(data: bytes, at: int) -> tuple[str | None, int]:
    """A string with its length, and what follows it."""
    (length,) = SHORT.unpack_from(data, at)
    at += SHORT.size
    return (None, at) if length < 0 else (_text(data, at, length), at + length)


def _compact_string(data: bytes, at: int) -> str | None:
    length, at = _varint(data, at)
    return None if length == 0 else _text(data, at, length - 1)


def _text(data: bytes, at: int, length: int) -> str:
    if at + length > len(data):
        raise IndexError("a string beyond the end of its frame")
    return data[at : at + length].decode()


def _after_tags(data: bytes, at: int) -> int:
    count, at = _varint(data, at)
    for _ in range(count):
        _, at = _varint(data, at)
        size, at = _varint(data, at)
        at += size
    return at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
