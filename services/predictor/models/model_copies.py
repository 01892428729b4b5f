"""Copies of the last good models on local disk, so that a start without the registry serves.

A file an instrument, replaced in one step, readable by its owner only. It holds what the registry held:
pointer, record and model. When it is read everything is verified as if it came from there, signatures too.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from services.predictor.metrics import record_copy_failure
from services.predictor.models.model_slot import ServingModel
from tidewheel.registry import keys
from tidewheel.registry.limits import INSTRUMENTS_MAX, MODEL_BYTES_MAX, RECORD_BYTES_MAX, is_instrument
from tidewheel.registry.pointer import parse_pointer
from tidewheel.registry.records import VALUE, read_record
from tidewheel.registry.values import LoadedModel, expected_model
from tidewheel.registry.verify import VerificationError, VerificationFailure, verify_pointed
from tidewheel.runtime.atomic_file import replace_file

SUFFIX = ".model"
MAGIC = b"tidewheel model copy 1"
PARTS = 4
LENGTH_BYTES = 4
COPY_BYTES_MAX = MODEL_BYTES_MAX + RECORD_BYTES_MAX + 4_096


class Copy(NamedTuple):
    """A model as it was served, with the state of its pointer then."""

    state: bytes
    model: ServingModel


class ModelCopies:
    """One directory. Failures are counted and said; none is raised, since the registry is what counts."""

    def __init__(self, directory: Path, hmac_key: bytes | None, log: logging.Logger) -> None:
        self._directory = directory
        self._hmac_key = hmac_key
        self._log = log
        self._is_writable = True

    def save(self, state: bytes, loaded: LoadedModel) -> None:
        """Replace the copy of the instrument in one step."""
        parts = (loaded.record.instrument.encode(), state, loaded.record_bytes, loaded.model_bytes)
        path = self._path(loaded.record.instrument)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = MAGIC + b"".join(len(part).to_bytes(LENGTH_BYTES, "big") + part for part in parts)
            replace_file(path, content, mode=0o600)
        except OSError as failure:
            record_copy_failure()
            if self._is_writable:
                self._log.warning(
                    "model copies cannot be written to %s: %s; TIDEWHEEL_MODEL_DIR names another directory",
                    *(self._directory, failure.strerror),
                )
            self._is_writable = False
        else:
            self._is_writable = True

    def load(self) -> Iterator[Copy]:
        """All that verify."""
        with suppress(OSError):
            for path in sorted(self._directory.glob(f"*{SUFFIX}"))[:INSTRUMENTS_MAX]:
                try:
                    yield self._read(path)
                except VerificationError as failure:
                    record_copy_failure()
                    self._log.error("the copy %s of a model is not used: %s", path.name, failure)

    def _read(self, path: Path) -> Copy:
        """Raises VerificationError."""
        try:
            with path.open("rb") as file:
                content = file.read(COPY_BYTES_MAX + 1)
        except OSError as failure:
            raise VerificationError(VerificationFailure.MISSING, f"it cannot be read: {failure.strerror}") from None
        if len(content) > COPY_BYTES_MAX:
            raise VerificationError(VerificationFailure.TOO_LARGE, "it is longer than any of ours")
        named, state, record_bytes, model_bytes = _parts(content)
        instrument = named.decode("ascii", "replace")
        if not is_instrument(instrument) or path != self._path(instrument):
            raise VerificationError(VerificationFailure.INSTRUMENT, "it is not of the instrument that its name says")
        pointer = parse_pointer(instrument, keys.CURRENT, state, self._hmac_key)
        if pointer is None:
            raise VerificationError(VerificationFailure.POINTER, "it holds no pointer")
        record = read_record(instrument, pointer.seq, VALUE + record_bytes, self._hmac_key)
        if record is None:
            raise VerificationError(VerificationFailure.RECORD, "it holds no record")
        model = verify_pointed(model_bytes, pointer, expected_model(record), self._hmac_key)
        return Copy(state, ServingModel.of(pointer, model))

    def _path(self, instrument: str) -> Path:
        return self._directory / (hashlib.sha256(instrument.encode()).hexdigest()[:32] + SUFFIX)


def _parts(content: bytes) -> list[bytes]:
    """Raises VerificationError."""
    found: list[bytes] = []
    rest = content.removeprefix(MAGIC)
    while rest and len(rest) < len(content) and len(found) <= PARTS:
        length = int.from_bytes(rest[:LENGTH_BYTES], "big")
        part, rest = rest[LENGTH_BYTES : LENGTH_BYTES + length], rest[LENGTH_BYTES + length :]
        found.append(part)
        if len(part) != length:
            break
    else:
        if len(found) == PARTS:
            return found
    raise VerificationError(VerificationFailure.UNDECODABLE, "it is no copy of a model, or only a part of one")
