"""What a run's Prometheus says: which alerts fire, and the values of a query."""

import http.client
import json
import urllib.parse
import urllib.request
from typing import Any

from tidewheel.runtime.process import FatalError

ANSWER_LIMIT_S = 5.0
ANSWER_BYTES_MAX = 5_000_000
FIRING, PENDING = "firing", "pending"


class PrometheusError(FatalError):
    """Prometheus gives no answer that can be used; the message is one line."""


class Prometheus:
    """One Prometheus, by its HTTP API. Every call raises PrometheusError."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def alerts(self) -> dict[str, str]:
        """Alert -> FIRING, or PENDING where its query holds and its time has not come."""
        found: dict[str, str] = {}
        for one in self._ask("alerts")["alerts"]:
            name, state = str(one["labels"]["alertname"]), str(one["state"])
            if found.get(name) != FIRING:
                found[name] = state
        return found

    def value(self, query: str) -> float | None:
        """Of the first series; None where there is none."""
        result = self._ask("query", query=query)["result"]
        return float(result[0]["value"][1]) if result else None

    def _ask(self, path: str, **parameters: str) -> Any:
        place = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(place, timeout=ANSWER_LIMIT_S) as answer:
                return json.loads(answer.read(ANSWER_BYTES_MAX))["data"]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as failure:
            raise PrometheusError(f"Prometheus at {self.url} gives no answer that can be used: {failure}") from None
