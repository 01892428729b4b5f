"""The page in a headless Chromium, which draws bundles as PNGs."""

import json
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preview.errors import PreviewError
from tidewheel.local.processes.subprocesses import tethered

RENDERER = Path(__file__).parent / "renderer"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LIMIT_S = 600.0


def program(names: Sequence[str], what: str) -> str:
    """The first of them on PATH. Raises PreviewError."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise PreviewError(f"{what} must be on PATH as {' or '.join(names)}, and is not")


def draw(folder: Path, names: Sequence[str], width: int) -> list[dict[str, Any]]:
    """Draw `folder/NAME.json` as `folder/NAME.png`, and return what the page says of each. Raises PreviewError."""
    command = [program(("node",), "Node.js"), "shoot.mjs", program(CHROMIUMS, "Chromium"), str(width), str(folder)]
    try:
        ended = subprocess.run(
            tethered([*command, *names], signal.SIGKILL),
            cwd=RENDERER,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise PreviewError(f"the pictures were not drawn within {LIMIT_S:.0f} s") from None
    if ended.returncode:
        raise PreviewError("the pictures could not be drawn:\n" + "\n".join(ended.stderr.splitlines()[-12:]))
    return [json.loads(line) for line in ended.stdout.splitlines()]
