"""TLS from files that may be replaced while the server runs: the next handshake after that uses the new ones."""

import logging
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from tidewheel.runtime.process import FatalError
from tidewheel.telemetry.reported_failures import ReportedFailures

Signature = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Paths of PEM files. `client_ca` None: any client may come; else only one with a certificate of that authority."""

    chain: Path
    key: Path
    client_ca: Path | None = None

    def paths(self) -> list[Path]:
        return [self.chain, self.key, *([self.client_ca] if self.client_ca else [])]


class ReloadedCertificates:
    """The newest certificates that are good. Files that cannot be used leave those before them in force, and are said
    once in the log."""

    def __init__(self, files: CertificateFiles, log: logging.Logger) -> None:
        self._files = files
        self._log = log
        self._seen: Signature | None = None
        self._failures = ReportedFailures[Path]()

    def credentials(self) -> Any:
        """For a server. Raises FatalError where the files cannot be used now."""
        try:
            seen, first = _signature(self._files), _configuration(self._files)
        except (OSError, ValueError) as failure:
            raise FatalError(f"TLS cannot be set up: {failure}") from None
        self._seen = seen
        require = self._files.client_ca is not None
        return grpc.dynamic_ssl_server_credentials(first, self.fetch, require)

    def fetch(self) -> Any:
        """What grpc asks at each handshake: a new configuration, or None where the last one holds."""
        try:
            seen = _signature(self._files)
            if seen == self._seen:
                return None
            made = _configuration(self._files)
        except (OSError, ValueError) as failure:
            self._log_failure(str(failure))
            return None
        self._seen = seen
        self._failures.clear(self._files.chain)
        self._log.info("TLS certificates were read again")
        return made

    def _log_failure(self, failure: str) -> None:
        if self._failures.is_new(self._files.chain, failure):
            self._log.error("new TLS certificates cannot be used, the last ones stay: %s", failure)


def _signature(files: CertificateFiles) -> Signature:
    stats = [os.stat(path) for path in files.paths()]
    return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in stats)


def _configuration(files: CertificateFiles) -> Any:
    """Raises OSError or ValueError where a file is missing, or key and certificate do not belong together."""
    check = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _checked(files.chain, lambda: check.load_cert_chain(files.chain, files.key))
    authority = None
    if files.client_ca is not None:
        authority = files.client_ca
        _checked(authority, lambda: check.load_verify_locations(files.client_ca))
    pairs = [(files.key.read_bytes(), files.chain.read_bytes())]
    return grpc.ssl_server_certificate_configuration(pairs, authority.read_bytes() if authority else None)


def _checked(path: Path, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError as failure:
        raise ValueError(f"{path} and what belongs to it: {failure.reason or failure}") from None
    except OSError as failure:
        raise ValueError(f"{path} or what belongs to it: {failure.strerror or failure}") from None
