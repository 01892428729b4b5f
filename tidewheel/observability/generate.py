"""Writes `deploy/observability`, and dashboards as they ship. Both are committed; tests check that they have not
drifted."""

import sys
from pathlib import Path

from tidewheel.observability.dashboards.all_dashboards import DASHBOARDS
from tidewheel.observability.dashboards.build import dashboard_json
from tidewheel.observability.files import files

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "observability"
SHIPPED = Path(__file__).parent / "dashboards"


def generate(folder: Path) -> None:
    """Write all files below a folder."""
    for place, text in files().items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def build_dashboards(folder: Path) -> None:
    """Write all dashboards by the SDK, below a folder."""
    for dashboard in DASHBOARDS:
        (folder / f"{dashboard.uid}.json").write_text(dashboard_json(dashboard))


if __name__ == "__main__":
    build_dashboards(SHIPPED)
    generate(FOLDER)
    sys.exit(0)
