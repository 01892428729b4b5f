"""Callers who mean no good: they hold calls open, send nothing, read nothing, or send what is no HTTP/2 at all."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# A SETTINGS frame that opens no window for data: whatever is answered cannot be sent.
NO_WINDOW = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x04\x00\x00\x00\x00"
EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@contextmanager
def held_calls(port: int, method: str, count: int, connections: int = 4) -> Iterator[list[Any]]:
    """Calls whose headers were sent and whose message never comes."""
    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait()
        yield from ()

    with ExitStack() as stack:
        calls: list[Any] = []
        stack.callback(lambda: [call.cancel() for call in calls])
        stack.callback(over.set)
        for _ in range(connections):
            own = [("grpc.use_local_subchannel_pool", 1)]
            channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}", options=own))
            calls += [channel.stream_stream(method)(nothing()) for _ in range(count // connections)]
        yield calls


@contextmanager
def sockets(port: int, count: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that have said so much and say no more."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(said)
            opened.append(one)
        yield opened


def header(name: str, value: str) -> bytes:
    """Of HPACK: a literal that is not indexed, its name spelled out."""
    return b"\x00" + bytes([len(name)]) + name.encode() + _length(len(value)) + value.encode()


def _length(length: int) -> bytes:
    if length < 127:
        return bytes([length])
    rest, out = length - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest])


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One of HTTP/2."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def call_frames(method: str, message: bytes, stream: int = 1) -> bytes:
    """A whole unary call."""
    pairs = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "x",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    headers = b"".join(header(name, value) for name, value in pairs.items())
    body = b"\x00" + len(message).to_bytes(4, "big") + message
    return frame(1, 4, stream, headers) + frame(0, 1, stream, body)


def unread_calls(method: str, message: bytes, count: int) -> bytes:
    """Calls on one connection that takes no data."""
    calls = b"".join(call_frames(method, message, 1 + 2 * number) for number in range(count))
    return PREFACE + NO_WINDOW + calls
