"""`python -m services.ingest`."""

import sys

from services.ingest.app import run
from services.ingest.settings import Settings
from tidewheel.runtime import process


def main() -> int:
    """Run until the source ends or SIGTERM; returns the exit code."""
    return process.main("ingest", Settings, run)


if __name__ == "__main__":
    sys.exit(main())
