"""Asks a Prometheus."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from preview.errors import PreviewError

LIMIT_S = 60.0


class PrometheusApi:
    """`url`: where it listens. Every method raises PreviewError where it does not answer, or refuses a query."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def query(self, expr: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """An instant vector; `at_s` None: now."""
        return self._result("query", query=expr, **({} if at_s is None else {"time": f"{at_s:.3f}"}))

    def query_range(self, expr: str, from_s: float, to_s: float, step_s: int) -> list[dict[str, Any]]:
        """A matrix."""
        return self._result("query_range", query=expr, start=f"{from_s:.3f}", end=f"{to_s:.3f}", step=str(step_s))

    def number(self, expr: str) -> float | None:
        """The value of the first series, None where there is none."""
        found = self.query(expr)
        return float(found[0]["value"][1]) if found else None

    def _result(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        body = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{path}", data=body, timeout=LIMIT_S) as answer:
                return list(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError as refusal:
            said = refusal.read(2000).decode(errors="replace")
            raise PreviewError(f"Prometheus refuses {parameters['query']}: {said}") from refusal
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise PreviewError(f"no Prometheus answers at {self._url}: {failure}") from failure
