"""A tethered child dies with the process that started it, even by SIGKILL."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidewheel.local.processes.subprocesses import start, tethered

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the signal is Linux's")

PARENT = """
import signal, subprocess, sys
from tidewheel.local.processes.subprocesses import tethered
child = subprocess.Popen(tethered([sys.executable, "-c", {child!r}], {number}))
print(child.pid, flush=True)
signal.pause()
"""
# Holds the pipe open as long as it lives, so that its end is seen as the pipe's end.
CHILD = "import signal; print('up', flush=True); signal.pause()"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_parent_leaves_nothing_behind(number: signal.Signals) -> None:
    code = PARENT.format(child=CHILD, number=int(number))
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    lines = {parent.stdout.readline(), parent.stdout.readline()}
    assert b"up\n" in lines
    parent.kill()
    parent.wait()
    readable, _, _ = select.select([parent.stdout], [], [], 20)
    assert readable
    assert os.read(parent.stdout.fileno(), 100) == b""
    parent.stdout.close()


def test_the_exit_code_is_the_programs() -> None:
    command = tethered([sys.executable, "-c", "raise SystemExit(5)"], signal.SIGTERM)
    assert subprocess.run([str(word) for word in command], check=False).returncode == 5


def test_a_program_that_is_not_there_is_one_line() -> None:
    command = tethered(["/nonexistent/program"], signal.SIGTERM)
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True)
    assert done.returncode == 127
    assert done.stderr == b"could not start /nonexistent/program: No such file or directory\n"


def test_a_program_that_stands_back_does_so_in_every_grouping(tmp_path: Path) -> None:
    code = (
        "import os; print(os.nice(0), *open('/proc/self/autogroup') if os.path.exists('/proc/self/autogroup') else ())"
    )
    process = start(tethered([sys.executable, "-c", code], signal.SIGTERM, 7), tmp_path / "log")
    assert process.wait(20) == 0
    own, *group = (tmp_path / "log").read_text().split()
    assert int(own) == os.nice(0) + 7
    assert group[1:] in ([], ["nice", "7"])
