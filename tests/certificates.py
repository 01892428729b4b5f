"""Certificates for tests, made with the openssl program."""

import subprocess
from pathlib import Path


class Authority:
    """Makes certificates with the openssl program."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self._openssl("req", "-x509", *self._new(self.key), "-out", self.certificate, "-subj", f"/CN={name}")

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for localhost and its key."""
        chain, key, request = (self._folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        extension = self._folder / f"{name}.ext"
        extension.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._openssl("req", *self._new(key), "-out", request, "-subj", f"/CN={name}")
        signed = ("-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-extfile", extension)
        self._openssl("x509", "-req", "-in", request, *signed, "-days", "2", "-out", chain)
        return chain, key

    @staticmethod
    def _new(key: Path) -> tuple[object, ...]:
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key)

    @staticmethod
    def _openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
