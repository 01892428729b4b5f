"""The answers about a service's health, over a real connection."""

import socket
import struct
import threading

import pytest

from tests.waiting import eventually
from tidewheel.runtime.health import Health, HealthServer

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
