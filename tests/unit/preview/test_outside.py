"""What is not there, or refuses, is said in a sentence."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from preview.drawing import program
from preview.errors import PreviewError
from preview.prometheus_api import PrometheusApi

REFUSED = b'{"status": "error", "error": "parse error"}'
EMPTY = b'{"status": "success", "data": {"resultType": "vector", "result": []}}'


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        code, said = (400, REFUSED) if "sum%28" in asked else (200, EMPTY if "absent" in asked else b"no JSON")
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
    with pytest.raises(PreviewError, match=r"refuses sum\(: .*parse error"):
        PrometheusApi(url).query("sum(")


def test_what_has_no_series_is_no_number(url: str) -> None:
    assert PrometheusApi(url).number("absent") is None


def test_an_answer_that_is_none_is_told(url: str) -> None:
    with pytest.raises(PreviewError, match="no Prometheus answers at http"):
        PrometheusApi(url).query("up")


def test_nobody_listens() -> None:
    with HTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    with pytest.raises(PreviewError, match=f"no Prometheus answers at http://127.0.0.1:{port}"):
        PrometheusApi(f"http://127.0.0.1:{port}/").query("up")


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(PreviewError, match="Chromium must be on PATH as no-such-browser or nor-this"):
        program(("no-such-browser", "nor-this"), "Chromium")
