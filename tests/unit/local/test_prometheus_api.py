"""A Prometheus that is not there, refuses, or says what nobody can use: a sentence each."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.http_server import serving
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


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Handler) as made:
        yield made


def test_a_query_that_is_refused_is_told_with_the_reason(url: str) -> None:
    with pytest.raises(PrometheusError, match=r"refuses sum\(: .*parse error"):
        Prometheus(url).query("sum(")


def test_what_has_no_series_is_no_number(url: str) -> None:
    assert Prometheus(url).value("absent") is None


def test_an_answer_that_is_none_is_told(url: str) -> None:
    with pytest.raises(PrometheusError, match="gives no answer that can be used"):
        Prometheus(url).query("up")


def test_nobody_listens() -> None:
    with serving(Handler) as closed:
        pass
    with pytest.raises(PrometheusError, match=f"Prometheus at {closed} gives no answer"):
        Prometheus(f"{closed}/").query("up")


def test_what_is_json_and_no_answer_is_told(url: str) -> None:
    for expr in ("odd", "list"):
        with pytest.raises(PrometheusError, match="gives no answer that can be used"):
            Prometheus(url).value(expr)
    with pytest.raises(PrometheusError, match="gives no answer that can be used"):
        Prometheus(url).alerts()
