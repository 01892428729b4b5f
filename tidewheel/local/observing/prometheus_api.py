"""Asks a Prometheus: which alerts fire, and what its queries say."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from tidewheel.runtime.process import FatalError

ANSWER_LIMIT_S = 5.0
# A dashboard's widest answer is some megabytes.
ANSWER_BYTES_MAX = 50_000_000
ERROR_BYTES_MAX = 2_000
FIRING, PENDING = "firing", "pending"

Series = dict[str, Any]


class PrometheusError(FatalError):
    """Prometheus gives no answer that can be used, or refuses a query; the message is one line."""


class Prometheus:
    """One Prometheus, by its HTTP API. Every call raises PrometheusError; none takes much longer than `limit_s`."""

    def __init__(self, url: str, limit_s: float = ANSWER_LIMIT_S) -> None:
        self.url = url.rstrip("/")
        self._limit_s = limit_s

    def alerts(self) -> dict[str, str]:
        """Alert -> FIRING, or PENDING where its query holds and its time has not come."""
        found: dict[str, str] = {}
        try:
            for one in self._ask("alerts")["alerts"]:
                name, state = str(one["labels"]["alertname"]), str(one["state"])
                if found.get(name) != FIRING:
                    found[name] = state
        except (KeyError, TypeError) as failure:
            raise self._unusable(failure) from None
        return found

    def query(self, expr: str, at_s: float | None = None) -> list[Series]:
        """An instant vector; `at_s` None: now."""
        return self._result("query", query=expr, **({} if at_s is None else {"time": f"{at_s:.3f}"}))

    def query_range(self, expr: str, from_s: float, to_s: float, step_s: int) -> list[Series]:
        """A matrix."""
        return self._result("query_range", query=expr, start=f"{from_s:.3f}", end=f"{to_s:.3f}", step=str(step_s))

    def value(self, expr: str) -> float | None:
        """Of the first series; None where there is none."""
        found = self.query(expr)
        try:
            return float(found[0]["value"][1]) if found else None
        except (KeyError, IndexError, TypeError, ValueError) as failure:
            raise self._unusable(failure) from None

    def _result(self, path: str, **parameters: str) -> list[Series]:
        found = self._ask(path, **parameters)
        if not isinstance(found, dict) or not isinstance(found.get("result"), list):
            raise self._unusable("it has no result")
        return list(found["result"])

    def _ask(self, path: str, **parameters: str) -> Any:
        # A query may be longer than an address can be.
        body = urllib.parse.urlencode(parameters).encode() if parameters else None
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", data=body, timeout=self._limit_s) as answer:
                return json.loads(answer.read(ANSWER_BYTES_MAX))["data"]
        except urllib.error.HTTPError as refusal:
            refusal_text = " ".join(refusal.read(ERROR_BYTES_MAX).decode(errors="replace").split())
            raise PrometheusError(
                f"Prometheus at {self.url} refuses {parameters.get('query', path)}: {refusal_text}"
            ) from None
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as failure:
            raise self._unusable(failure) from None

    def _unusable(self, why: object) -> PrometheusError:
        return PrometheusError(f"Prometheus at {self.url} gives no answer that can be used: {why}")
