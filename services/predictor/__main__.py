"""`python -m services.predictor`."""

import sys

from services.predictor.app import run
from services.predictor.settings import Settings
from tidewheel.runtime import process


def main() -> int:
    """Run until SIGTERM; returns the exit code."""
    return process.main("predictor", Settings, run)


if __name__ == "__main__":
    sys.exit(main())
