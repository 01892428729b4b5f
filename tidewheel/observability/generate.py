"""Writes `deploy/observability`. The output is committed; a test checks that it has not drifted."""

import sys
from pathlib import Path

from tidewheel.observability.files import files

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "observability"


def generate(folder: Path) -> None:
    """Write all files below a folder."""
    for place, text in files().items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    generate(FOLDER)
    sys.exit(0)
