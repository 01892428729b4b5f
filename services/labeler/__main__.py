"""`python -m services.labeler`."""

import sys

from services.labeler.app import run
from services.labeler.settings import Settings
from tidewheel.contracts.topics import LABELER_GROUP
from tidewheel.runtime import process


def main() -> int:
    """Run until SIGTERM; returns the exit code."""
    return process.main("labeler", Settings, run, LABELER_GROUP)


if __name__ == "__main__":
    sys.exit(main())
