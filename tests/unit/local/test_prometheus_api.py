"""A Prometheus that is not there, refuses, or says what nobody can use: a sentence each."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tidewheel.local.observing.prometheus_api import Prometheus, PrometheusError

REFUSED = b'{"status": "error", "error": "parse error"}'
EMPTY = b'{"status": "success", "data": {"resultType": "vector", "result": []}}'


ANSWERS = {
    "sum%28": (400, REFUSED),
    "absent": (200, EMPTY),
    "odd": (200, b'{"data": {"result": [{"value": []}]}}'),
    "list": (200, b'{"data": [1]}'),
}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.say(*next((answer for word, answer in ANSWERS.items() if word in asked), (200, b"no JSON")))

    def do_GET(self) -> None:
        self.say(200, b'{"data": {"alerts": [{"labels": {}, "state": "firing"}]}}')

    def say(self, code: int, said: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_query_that_is_refused_is_told_with_the_reason(url: str) -> None:
    with pytest.raises(PrometheusError, match=r"refuses sum\(: .*parse error"):
        Prometheus(url).query("sum(")


def test_what_has_no_series_is_no_number(url: str) -> None:
    assert Prometheus(url).value("absent") is None


def test_an_answer_that_is_none_is_told(url: str) -> None:
    with pytest.raises(PrometheusError, match="gives no answer that can be used"):
        Prometheus(url).query("up")


def test_nobody_listens() -> None:
    with HTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    with pytest.raises(PrometheusError, match=f"Prometheus at http://127.0.0.1:{port} gives no answer"):
        Prometheus(f"http://127.0.0.1:{port}/").query("up")


def test_what_is_json_and_no_answer_is_told(url: str) -> None:
    for expr in ("odd", "list"):
        with pytest.raises(PrometheusError, match="gives no answer that can be used"):
            Prometheus(url).value(expr)
    with pytest.raises(PrometheusError, match="gives no answer that can be used"):
        Prometheus(url).alerts()
