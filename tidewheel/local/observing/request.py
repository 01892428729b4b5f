"""What `--observe` asks for, before anything that observes is loaded."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tidewheel.local.servers.prometheus import server_binary
from tidewheel.runtime.process import FatalError

TOKEN, TOKEN_FILE = "TIDEWHEEL_GRAFANA_TOKEN", "TIDEWHEEL_GRAFANA_TOKEN_FILE"


@dataclass(frozen=True, slots=True)
class ObserveRequest:
    """As asked for, checked. `grafana`: the address of one that runs, empty for one of our own if it is installed."""

    prometheus: Path
    grafana: str = ""
    token: str = ""


def observe_request(grafana: str) -> ObserveRequest:
    """Raises FatalError where there is no Prometheus, or no token for the Grafana that is named."""
    binary = server_binary()
    if not grafana:
        return ObserveRequest(binary)
    return ObserveRequest(binary, grafana, _token(os.environ))


def _token(environ: Mapping[str, str]) -> str:
    """Never from the command line, which others on this machine can read."""
    if path := environ.get(TOKEN_FILE):
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as failure:
            raise FatalError(f"{TOKEN_FILE}: {path} cannot be read: {failure}") from None
    if token := environ.get(TOKEN, ""):
        return token
    raise FatalError(f"--grafana needs the token of a service account in {TOKEN}, or in a file that {TOKEN_FILE} names")
