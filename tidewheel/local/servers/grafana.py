"""A Grafana on this machine, where one is installed: provisioned with our files, open to read for whoever sits here."""

import shutil
from pathlib import Path

from tidewheel.local.processes.subprocesses import StartError, accepts_connections

GRAFANA = "grafana"
PACKAGED_HOME = Path("/usr/share/grafana")


def installed_grafana() -> Path | None:
    """The server's program, if there is one on PATH."""
    found = shutil.which("grafana") or shutil.which("grafana-server")
    return Path(found) if found else None


def home_of(binary: Path) -> Path:
    """Where its frontend and defaults lie: beside `bin` in an unpacked release, else where packages put them."""
    unpacked = binary.resolve().parent.parent
    return unpacked if (unpacked / "public").is_dir() else PACKAGED_HOME


def grafana_command(binary: Path, provisioning: Path, data: Path, port: int) -> list[str]:
    """The command that runs the server. Raises StartError."""
    if accepts_connections(port):
        raise StartError(f"port {port} is in use; end what listens there")
    settings = {
        "server.http_addr": "127.0.0.1",
        "server.http_port": str(port),
        "paths.data": str(data),
        "paths.logs": str(data / "log"),
        "paths.provisioning": str(provisioning),
        "auth.anonymous.enabled": "true",
        "auth.anonymous.org_role": "Viewer",
        "analytics.reporting_enabled": "false",
        "analytics.check_for_updates": "false",
    }
    command = [str(binary), *(["server"] if binary.name == "grafana" else []), "--homepath", str(home_of(binary))]
    return [*command, *(f"cfg:{name}={value}" for name, value in settings.items())]
