"""A single-node Apache Kafka on this machine, for people without Docker, Java or Maven."""

import signal
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from tidewheel.local.processes.subprocesses import (
    StartError,
    accepts_connections,
    await_ready,
    read_failure_line,
    start,
    stop,
    tethered,
)
from tidewheel.local.servers.jars import classpath, use_packaged_java

# A small heap holds for millions of records, since logs live in the page cache. A killed broker is let in again as soon
# as its session is over (PROPERTIES): with the usual nine seconds it would stand at the door for that long.
JVM_OPTIONS = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
# Of a tool that runs for a second, hardly anything is worth compiling twice.
TOOL_OPTIONS = ("-XX:TieredStopAtLevel=1",)
START_LIMIT_S = 120.0
STOP_GRACE_S = 20.0
LOG_NAME = "kafka.log"
META = "meta.properties"  # a folder of logs that has been formatted has it

# Transactions that timed out are looked for each ten seconds, the first time so long after a start. Kafka 4.3 ends one
# whose partitions have no leader yet, as just after a kill, without the markers that end it for readers (ADR 24).
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{front}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised_front}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,FRONT:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={log_dir}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=2
min.insync.replicas=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=10000
log.segment.bytes=268435456
"""
# For who reads what a run left: nothing is deleted, compacted or forgotten, however long ago the run ended.
KEEPING = """\
log.cleaner.enable=false
log.initial.task.delay.ms=31536000000
log.retention.check.interval.ms=31536000000
offsets.retention.check.interval.ms=31536000000
transaction.remove.expired.transaction.cleanup.interval.ms=2147483647
"""


@dataclass(frozen=True, slots=True)
class ProxyListener:
    """A second listener on `port`, for clients that come through something in front of the broker: they are told to
    connect to `advertised_port`, where that listens."""

    port: int
    advertised_port: int


@dataclass(frozen=True, slots=True)
class LocalKafka:
    """A running broker, where clients come to it and where its data lies."""

    process: subprocess.Popen[bytes]
    ports: tuple[int, ...]
    directory: Path

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def listens(self) -> bool:
        """On each of its ports: it opens one after the other."""
        return all(accepts_connections(port) for port in self.ports)

    def stop(self) -> None:
        stop(self.process, STOP_GRACE_S)


def start_kafka(directory: Path, port: int, controller_port: int, front: ProxyListener | None = None) -> LocalKafka:
    """Start a broker whose data lives in `directory`, formatted on first use. It ends with the thread that starts it.

    Raises SetupError (jars or Java cannot be had) or StartError (port in use, no space, …).
    """
    server = launch_kafka(directory, port, controller_port, front)
    await_ready("Kafka", server.process, directory / LOG_NAME, lambda: server.listens, START_LIMIT_S)
    return server


def start_keeping_kafka(log_dir: Path, directory: Path, port: int, controller_port: int) -> LocalKafka:
    """Start a broker on logs that another broker has left, which keeps all that is in them; what it says of itself
    goes to `directory`. It is asked to end when the thread that starts it does. Raises as start_kafka."""
    if not (log_dir / META).exists():
        raise StartError(f"{log_dir} holds no log of Kafka's")
    command = _command(directory, log_dir, port, controller_port, None, KEEPING)
    server = LocalKafka(start(tethered(command, signal.SIGTERM), directory / LOG_NAME), (port,), directory)
    await_ready("Kafka", server.process, directory / LOG_NAME, lambda: server.listens, START_LIMIT_S)
    return server


def launch_kafka(
    directory: Path, port: int, controller_port: int, front: ProxyListener | None = None, more: str = ""
) -> LocalKafka:
    """As start_kafka, but a broker that does not listen yet. `more`: properties that only this broker has."""
    command = _command(directory, directory / "logs", port, controller_port, front, more)
    return LocalKafka(start(tethered(command, signal.SIGKILL), directory / LOG_NAME), ports(port, front), directory)


def kafka_command(directory: Path, port: int, controller_port: int, front: ProxyListener | None = None) -> list[str]:
    """The command that runs the broker; makes `directory` ready for it first. Raises as start_kafka."""
    return _command(directory, directory / "logs", port, controller_port, front)


def _command(
    directory: Path, log_dir: Path, port: int, controller_port: int, front: ProxyListener | None, more: str = ""
) -> list[str]:
    """`more`: properties that only this broker has."""
    for wanted in (*ports(port, front), controller_port):
        if accepts_connections(wanted):
            raise StartError(f"port {wanted} is in use; choose another for Kafka or end what listens there")
    properties = directory / "server.properties"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        properties.write_text(properties_text(port, controller_port, log_dir, front) + more)
    except OSError as failure:
        raise StartError(f"{failure.filename or directory} cannot be written: {failure.strerror}") from failure
    java = [str(use_packaged_java()), *JVM_OPTIONS, "-cp", classpath()]
    if not (log_dir / META).exists():
        format_storage(java, properties, directory / LOG_NAME)
    return [*java, "kafka.Kafka", str(properties)]


def ports(port: int, front: ProxyListener | None) -> tuple[int, ...]:
    """Those on which clients come."""
    return (port, front.port) if front else (port,)


def properties_text(port: int, controller_port: int, log_dir: Path, front: ProxyListener | None) -> str:
    return PROPERTIES.format(
        port=port,
        controller_port=controller_port,
        log_dir=log_dir,
        front=f",FRONT://127.0.0.1:{front.port}" if front else "",
        advertised_front=f",FRONT://127.0.0.1:{front.advertised_port}" if front else "",
    )


def format_storage(java: list[str], properties: Path, log: Path) -> None:
    cluster = uuid.uuid4().hex[:22]
    tool = [
        java[0],
        *TOOL_OPTIONS,
        *java[1:],
        "kafka.tools.StorageTool",
        "format",
        "-t",
        cluster,
        "-c",
        str(properties),
    ]
    with log.open("ab") as out:
        code = subprocess.run(
            tool, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, check=False
        ).returncode
    if code != 0:
        raise StartError(f"Kafka's storage could not be formatted: {read_failure_line(log)}")
