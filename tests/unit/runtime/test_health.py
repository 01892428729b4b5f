"""The answers about a service's health, over a real connection."""

import socket
import struct
import threading
import urllib.request
from contextlib import ExitStack

import pytest

from tests.waiting import LIMIT_S, eventually
from tidewheel.runtime.health import CONNECTIONS_MAX, Health, HealthServer

AT_ONCE = struct.pack("ii", 1, 0)


class Leaving(Health):
    """Whoever asks is gone before there is an answer."""

    def __init__(self) -> None:
        super().__init__("test")
        self.asking = socket.socket()
        self.asked = threading.Event()

    def liveness(self) -> tuple[bool, str]:
        self.asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.asking.close()
        self.asked.set()
        return super().liveness()


def answering() -> bool:
    return any("process_request_thread" in thread.name for thread in threading.enumerate())


def test_one_that_asks_and_goes_away_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    """A process that stood still finds some dozens of them; their tracebacks hid why it ended later."""
    health = Leaving()
    server = HealthServer(health, 0, "127.0.0.1")
    try:
        health.asking.connect(("127.0.0.1", server.port))
        health.asking.sendall(b"GET /live HTTP/1.0\r\n\r\n")
        assert health.asked.wait(10)
        eventually(lambda: not answering(), "the answer was tried")
    finally:
        server.close()
    assert capfd.readouterr().err == ""


def test_no_connections_keep_others_from_asking() -> None:
    server = HealthServer(Health("test"), 0)
    threads = threading.active_count()
    with ExitStack() as stack:
        stack.callback(server.close)
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(200)]
        for one in held:
            one.sendall(b"GET /live HT")
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/live", timeout=LIMIT_S) as answer:
            assert answer.read() == b"live\n"
        eventually(lambda: threading.active_count() <= threads + CONNECTIONS_MAX + 1, "the oldest were let go")


def test_a_request_that_takes_too_long_is_cut() -> None:
    server = HealthServer(Health("test"), 0, limit_s=0.05)
    with ExitStack() as stack:
        stack.callback(server.close)
        slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        slow.sendall(b"GET /live HT")
        slow.settimeout(LIMIT_S)
        assert slow.recv(1) == b""
