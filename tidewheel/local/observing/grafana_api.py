"""Our data source and dashboards into a Grafana that runs elsewhere, by its HTTP API."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

from tidewheel.observability.grafana import DATASOURCE_UID, FOLDER_TITLE, FOLDER_UID, datasource
from tidewheel.runtime.process import FatalError

ANSWER_LIMIT_S = 10.0
ANSWER_BYTES_MAX = 1_000_000
NOT_FOUND, REFUSED = 404, (401, 403)
# The folder is there already: Grafana says it in either way.
EXISTS = (409, 412)


class GrafanaError(FatalError):
    """Grafana did not take what it was given; the message is one line that says what to do."""


class Grafana:
    """One Grafana. `token`: of a service account that may edit data sources and dashboards."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def provision(self, prometheus_url: str, dashboards: Iterable[Mapping[str, Any]]) -> int:
        """Make or replace all; returns the number of dashboards. `prometheus_url`: as Grafana reaches it. Raises
        GrafanaError."""
        source = datasource(prometheus_url)
        if self._call("PUT", f"/api/datasources/uid/{DATASOURCE_UID}", source, allowed=(NOT_FOUND,)) == NOT_FOUND:
            self._call("POST", "/api/datasources", source)
        self._call("POST", "/api/folders", {"uid": FOLDER_UID, "title": FOLDER_TITLE}, allowed=EXISTS)
        count = 0
        for dashboard in dashboards:
            self._call(
                "POST", "/api/dashboards/db", {"dashboard": dashboard, "folderUid": FOLDER_UID, "overwrite": True}
            )
            count += 1
        return count

    def _call(self, method: str, path: str, body: Mapping[str, Any], allowed: tuple[int, ...] = ()) -> int:
        """The status: 2xx, or one of those allowed."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_LIMIT_S) as answer:
                answer.read(ANSWER_BYTES_MAX)
                return int(answer.status)
        except urllib.error.HTTPError as failure:
            status, reply = failure.code, failure.read(1_000).decode(errors="replace")
        except (OSError, http.client.HTTPException, ValueError) as failure:
            raise GrafanaError(f"Grafana at {self._url} does not answer: {failure}") from None
        if status in allowed:
            return status
        if status in REFUSED:
            raise GrafanaError(
                f"Grafana at {self._url} refuses the token ({status}): it must be of a service account with the role "
                "Admin, in TIDEWHEEL_GRAFANA_TOKEN or a file that TIDEWHEEL_GRAFANA_TOKEN_FILE names"
            )
        raise GrafanaError(f"Grafana at {self._url} answers {status} to {method} {path}: {_message(reply)}")


def _message(body: str) -> str:
    """Grafana's own words, on one line."""
    try:
        return str(json.loads(body)["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return " ".join(body.split())[:300] or "nothing more is said"
