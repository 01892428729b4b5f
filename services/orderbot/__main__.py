"""`python -m services.orderbot`."""

import sys

from services.orderbot.app import run
from services.orderbot.settings import Settings
from tidewheel.contracts.topics import ORDERBOT_GROUP
from tidewheel.runtime import process


def main() -> int:
    """Run until SIGTERM; returns the exit code."""
    return process.main("orderbot", Settings, run, ORDERBOT_GROUP)


if __name__ == "__main__":
    sys.exit(main())
