"""The settings of whoever speaks to Kafka, the same for all."""

from dataclasses import dataclass

from tidewheel.runtime.kafka_access import KafkaAccess, KafkaSecurity, SaslMechanism, access_faults
from tidewheel.runtime.secret_files import readable_file, secret_file
from tidewheel.runtime.settings import PREFIX, Parser, one_of, setting, text

SECRET_FILE = Parser(secret_file, "path of a file")
READABLE_FILE = Parser(readable_file, "path of a file")
FIELDS = ("security", "username", "password_file", "mechanism", "ca_file", "certificate_file", "key_file")
VARIABLES = {name: f"{PREFIX}KAFKA_{name.upper()}" for name in FIELDS}


@dataclass(frozen=True)  # without slots, so that it may be one of several bases
class KafkaSettings:
    """Where Kafka is and how to get in."""

    kafka: str = setting(text, "127.0.0.1:9092", meaning="Bootstrap address of the Kafka broker.")
    kafka_security: str = setting(
        one_of(*KafkaSecurity),
        KafkaSecurity.PLAINTEXT,
        meaning="What guards the way to Kafka: TLS, a user with a password (SASL), or both.",
    )
    kafka_username: str = setting(text, "", meaning="The user, where SASL is asked for.")
    kafka_password_file: str = setting(
        SECRET_FILE,
        "",
        meaning="File with the user's password, one line. Read again when Kafka refuses the user; the order bot ends "
        "when it has changed, to be started with the new one.",
    )
    kafka_mechanism: str = setting(
        one_of(*SaslMechanism),
        SaslMechanism.SCRAM_SHA_512,
        meaning="How the user shows who it is. `PLAIN` hands the password over, which wants TLS around it.",
    )
    kafka_ca_file: str = setting(
        READABLE_FILE,
        "",
        meaning="PEM file of the authorities that may sign the broker's certificate. Empty: those of the system.",
    )
    kafka_certificate_file: str = setting(
        READABLE_FILE, "", meaning="PEM file of an own certificate and its chain, where the broker asks for one."
    )
    kafka_key_file: str = setting(READABLE_FILE, "", meaning="PEM file of its key.")

    def __post_init__(self) -> None:
        """Raises ValueError where these do not go together, or files are not what they should be."""
        if faults := list(access_faults(self.kafka_access, VARIABLES)):
            raise ValueError("\n".join(faults))
        if self.kafka_access.has_tls:
            self.kafka_access.tls_context()

    @property
    def kafka_access(self) -> KafkaAccess:
        """What a client is made of."""
        return KafkaAccess(
            self.kafka,
            KafkaSecurity(self.kafka_security),
            self.kafka_username,
            self.kafka_password_file,
            SaslMechanism(self.kafka_mechanism),
            self.kafka_ca_file,
            self.kafka_certificate_file,
            self.kafka_key_file,
        )
