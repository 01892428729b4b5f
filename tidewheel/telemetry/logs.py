"""One way to log: a line a record on standard error, UTC, service first."""

import logging
import sys
import time


def configure(service: str, level: str = "INFO") -> logging.Logger:
    """Set up the root logger and return the service's own."""
    formatter = logging.Formatter(f"%(asctime)sZ {service} %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    return logging.getLogger(service)
