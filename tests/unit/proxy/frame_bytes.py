"""Frames made by hand, as Kafka's protocol guide has them."""

import struct

from tests.proxy.frames import ApiKey, Direction, Frame
from tests.proxy.requests import FrameInfo


def string(text: str | None) -> bytes:
    return struct.pack(">h", -1) if text is None else struct.pack(">h", len(text)) + text.encode()


def compact(text: str | None) -> bytes:
    """Of fewer than 127 bytes."""
    return b"\0" if text is None else bytes([len(text) + 1]) + text.encode()


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def request(
    api_key: int, body: bytes = b"", *, version: int = 0, correlation_id: int = 1, client: str | None = "c"
) -> bytes:
    return framed(struct.pack(">hhi", api_key, version, correlation_id) + string(client) + body)


def end_txn(transactional_id: str, **header: int) -> Frame:
    return Frame(request(ApiKey.END_TXN, string(transactional_id) + struct.pack(">qhb", 7, 1, 1), version=1, **header))  # type: ignore[arg-type]


def reply(correlation_id: int, body: bytes = b"") -> bytes:
    return framed(struct.pack(">i", correlation_id) + body)


def info(
    api_key: ApiKey = ApiKey.END_TXN,
    *,
    direction: Direction = Direction.REQUEST,
    client: str = "c",
    transactional_id: str | None = "t",
    order: int = 0,
) -> FrameInfo:
    return FrameInfo(api_key, direction, client, transactional_id, order)
