"""`python -m services.predictor`."""

import os
import sys

# Set before grpc is loaded, which reads it once: its own log repeats what strangers send, control characters and all.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from services.predictor.app import run
from services.predictor.settings import Settings
from tidewheel.runtime import process


def main() -> int:
    """Run until SIGTERM; returns the exit code."""
    return process.main("predictor", Settings, run, needs_kafka=False)  # only PredictNow needs it


if __name__ == "__main__":
    sys.exit(main())
