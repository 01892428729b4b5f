"""Let a process group go on when the program that stopped it ends, however it ends.

Called as a script: `python -I -S continuing.py <process group>`. Its standard input ends with that program.
"""

import os
import signal
import sys
from contextlib import suppress


def main(arguments: list[str]) -> int:
    """Wait for the end of standard input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(int(arguments[0]), signal.SIGCONT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
