"""Where a Kafka is and how one gets in: the one place that knows what its clients must be told of TLS and SASL."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidewheel.runtime.secret_files import read_secret


class KafkaSecurity(StrEnum):
    """What guards the way to a broker; librdkafka has names of its own for it."""

    PLAINTEXT = "plaintext"
    TLS = "tls"
    SASL_PLAINTEXT = "sasl_plaintext"
    SASL_TLS = "sasl_tls"


class SaslMechanism(StrEnum):
    """How a user shows who it is."""

    SCRAM_SHA_512 = "SCRAM-SHA-512"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"


PROTOCOLS = {
    KafkaSecurity.PLAINTEXT: "plaintext",
    KafkaSecurity.TLS: "ssl",
    KafkaSecurity.SASL_PLAINTEXT: "sasl_plaintext",
    KafkaSecurity.SASL_TLS: "sasl_ssl",
}


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """A bootstrap address and what opens the door there. Shown as the address alone; holds no secret, only where one
    lies, since it may be replaced there."""

    bootstrap: str
    security: KafkaSecurity = KafkaSecurity.PLAINTEXT
    username: str = ""
    password_file: str = ""
    mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def is_open(self) -> bool:
        """Nothing is asked there."""
        return self.security is KafkaSecurity.PLAINTEXT

    @property
    def has_tls(self) -> bool:
        return self.security in (KafkaSecurity.TLS, KafkaSecurity.SASL_TLS)

    @property
    def has_sasl(self) -> bool:
        return self.security in (KafkaSecurity.SASL_PLAINTEXT, KafkaSecurity.SASL_TLS)

    def password(self) -> str:
        """As its file holds it now. Raises SecretFileError."""
        return read_secret(self.password_file)

    def client_config(self) -> dict[str, Any]:
        """What librdkafka is told; nothing where the broker is open. Raises SecretFileError."""
        if self.is_open:
            return {}
        config = {"security.protocol": PROTOCOLS[self.security]}
        if self.has_sasl:
            config |= {
                "sasl.mechanism": str(self.mechanism),
                "sasl.username": self.username,
                "sasl.password": self.password(),
            }
        if self.has_tls:
            files = {
                "ssl.ca.location": self.ca_file,
                "ssl.certificate.location": self.certificate_file,
                "ssl.key.location": self.key_file,
            }
            config |= {name: path for name, path in files.items() if path}
        return config

    def tls_context(self) -> ssl.SSLContext:
        """The same for a client in Python. Raises ValueError in words for people where a file is no such thing."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except (ssl.SSLError, OSError) as failure:
            raise ValueError(f"the file {self.ca_file} holds no certificate that can be used: {failure}") from None
        if self.certificate_file:
            try:
                # No password: one that a key asks for would be asked of the terminal.
                context.load_cert_chain(self.certificate_file, self.key_file, password="")
            except (ssl.SSLError, OSError) as failure:
                both = f"{self.certificate_file} and {self.key_file}"
                raise ValueError(f"the files {both} are no certificate with its key: {failure}") from None
        return context


# An address alone is of a broker that asks nothing.
Broker = str | KafkaAccess


def access_faults(access: KafkaAccess, variables: dict[str, str]) -> Iterator[str]:
    """What of an access does not go together, a sentence each. `variables`: what each field is called by people."""
    security = variables["security"]
    user = {name: getattr(access, name) for name in ("username", "password_file")}
    for name, value in user.items():
        if access.has_sasl and not value:
            yield f"{variables[name]} is not set, and {security}={access.security} needs it"
        if not access.has_sasl and value:
            yield f"{variables[name]} is set, and {security}={access.security} uses none; set it to sasl_tls"
    for name in ("ca_file", "certificate_file", "key_file"):
        if not access.has_tls and getattr(access, name):
            yield f"{variables[name]} is set, and {security}={access.security} uses none; set it to tls or sasl_tls"
    if bool(access.certificate_file) != bool(access.key_file):
        yield f"{variables['certificate_file']} and {variables['key_file']} belong together: set both or neither"
