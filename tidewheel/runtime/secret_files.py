"""Secrets come from files: what mounts them may replace them, and nobody sees them who lists processes."""

from pathlib import Path

from tidewheel.domain.errors import TidewheelError

SECRET_BYTES_MAX = 64 * 1024


class SecretFileError(TidewheelError, ValueError):
    """A file that should hold a secret cannot be used; the message names the file and holds nothing of it."""


def read_secret(path: str) -> str:
    """The one line of a file, without the line's end. Raises SecretFileError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
        text = content.decode().rstrip("\r\n")
    except OSError as failure:
        raise SecretFileError(f"the file {path} cannot be read: {failure.strerror}") from None
    except UnicodeDecodeError:
        raise SecretFileError(f"the file {path} holds no text") from None
    if len(content) > SECRET_BYTES_MAX:
        raise SecretFileError(f"the file {path} is too long for a secret")
    if not text.strip():
        raise SecretFileError(f"the file {path} is empty")
    if "\n" in text or "\0" in text:
        raise SecretFileError(f"the file {path} has more than one line; a secret is one")
    return text


def secret_file(path: str) -> str:
    """The path of a file that holds a secret now. Raises SecretFileError."""
    read_secret(path)
    return path


def readable_file(path: str) -> str:
    """The path of a file that can be read now. Raises ValueError, which names it."""
    try:
        with Path(path).open("rb"):
            return path
    except OSError as failure:
        raise ValueError(f"the file {path} cannot be read: {failure.strerror}") from None
