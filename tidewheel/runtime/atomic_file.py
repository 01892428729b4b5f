"""The one way to replace a file: written beside it, synced to the disk, moved into its place."""

import os
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace a file in one step, so that no reader and no power cut ever leaves half of it. `mode`: who may use it,
    within the umask. Raises OSError, with the file as it was."""
    # Named by the process, since several may write to one directory.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
