"""`python -m services.trainer`."""

# ruff: noqa: E402
import os

# Before numpy is loaded, which reads these once: sums of one thread have one order, so that the same rows give the same
# model bytes; and at these sizes a second thread costs the rest of the system more than it brings.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_name] = "1"

import sys

from services.trainer.app import run
from services.trainer.settings import Settings
from tidewheel.contracts.topics import TRAINER_GROUP
from tidewheel.runtime import process


def main() -> int:
    """Run until SIGTERM; returns the exit code."""
    return process.main("trainer", Settings, run, TRAINER_GROUP)


if __name__ == "__main__":
    sys.exit(main())
