"""A real broker with locks: users with passwords, certificates, and the declared access-control entries."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.certificates import Authority
from tests.servers import server_port
from tests.waiting import LIMIT_S, eventually
from tidewheel.contracts.access import PRINCIPALS, grants
from tidewheel.local.servers.kafka import LocalKafka, launch_kafka
from tidewheel.runtime import acl_admin, topic_admin
from tidewheel.runtime.kafka_access import KafkaAccess, KafkaSecurity

# Who comes without a lock is `User:ANONYMOUS`: the broker itself, and the test where it judges.
PROPERTIES = """\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},\
SASL://127.0.0.1:{sasl_plaintext},BOTH://127.0.0.1:{sasl_tls},TLS://127.0.0.1:{tls}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},\
SASL://127.0.0.1:{sasl_plaintext},BOTH://127.0.0.1:{sasl_tls},TLS://127.0.0.1:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,BOTH:SASL_SSL,TLS:SSL
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
broker.session.timeout.ms=60000
listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.both.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.both.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.both.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_people="{plain_password}";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
listener.name.tls.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=(.*)$/$1/
"""
SCRAM_ITERATIONS = 4096


@dataclass(frozen=True)
class LockedKafka:
    """Its addresses by what guards them, and the files of its users."""

    server: LocalKafka
    bootstraps: dict[KafkaSecurity, str]
    folder: Path
    authority: Authority

    @property
    def direct(self) -> str:
        """Where nothing is asked and everything allowed, for the test alone."""
        return self.server.bootstrap

    def password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"

    def access(self, user: str, security: KafkaSecurity = KafkaSecurity.SASL_PLAINTEXT) -> KafkaAccess:
        """What opens the door to a user."""
        found = KafkaAccess(self.bootstraps[security], security)
        if found.has_sasl:
            found = replace(found, username=user, password_file=str(self.password_file(user)))
        if found.has_tls:
            found = replace(found, ca_file=str(self.authority.certificate))
        if security is KafkaSecurity.TLS:
            chain, key = self.authority.issue(user)
            found = replace(found, certificate_file=str(chain), key_file=str(key))
        return found

    def set_passwords(self, passwords: dict[str, str]) -> None:
        """On the broker alone; their files are the test's to replace."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
        changes = [UserScramCredentialUpsertion(user, info, word.encode()) for user, word in passwords.items()]
        admin = AdminClient({"bootstrap.servers": self.direct})
        for future in admin.alter_user_scram_credentials(changes, request_timeout=LIMIT_S).values():
            future.result()


def environment(access: KafkaAccess) -> dict[str, str]:
    """The same as settings of a process."""
    names = ("security", "username", "password_file", "mechanism", "ca_file", "certificate_file", "key_file")
    return {"KAFKA": access.bootstrap, **{f"KAFKA_{name.upper()}": str(getattr(access, name)) for name in names}}


def named(service: str) -> str:
    """What Kafka calls a service's user."""
    return f"User:{service}"


@contextmanager
def locked_kafka(folder: Path, partitions: int = 2) -> Iterator[LockedKafka]:
    """A broker with the declared topics, a user a principal, and the declared entries."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder, "authority")
    chain, key = authority.issue("broker")
    keystore = folder / "keystore.pem"
    keystore.write_text(key.read_text() + chain.read_text())
    guarded = (KafkaSecurity.SASL_PLAINTEXT, KafkaSecurity.SASL_TLS, KafkaSecurity.TLS)
    ports = {name: server_port() for name in ("port", "controller", *guarded)}
    more = PROPERTIES.format(
        **{str(name): port for name, port in ports.items()},
        plain_password="plain-people",
        keystore=keystore,
        truststore=authority.certificate,
    )
    server = launch_kafka(folder / "kafka", ports["port"], ports["controller"], more=more)
    try:
        listening = replace(server, ports=tuple(port for name, port in ports.items() if name != "controller"))
        eventually(lambda: listening.listens or server.process.poll() is not None, "the broker listens")
        assert server.process.poll() is None, (folder / "kafka" / "kafka.log").read_text()[-2000:]
        bootstraps = {one: f"127.0.0.1:{ports[one]}" for one in guarded}
        kafka = LockedKafka(server, bootstraps, folder, authority)
        for user in PRINCIPALS:
            kafka.password_file(user).write_text(f"password of {user}\n")
        kafka.set_passwords({user: f"password of {user}" for user in PRINCIPALS})
        topic_admin.create(kafka.direct, partitions)
        acl_admin.apply(kafka.direct, grants(), named)
        # An entry that was taken holds a moment later.
        eventually(lambda: acl_admin.differences(kafka.direct, grants(), named) == [], "the entries hold")
        yield kafka
    finally:
        server.stop()
