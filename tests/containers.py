"""`apache/kafka` as a test container: KRaft, one node, advertised on the port Docker maps."""

import tarfile
import time
from io import BytesIO
from textwrap import dedent
from typing import Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

IMAGE = "apache/kafka:4.3.1"
PORT = 9092
SCRIPT = "/tmp/tidewheel-start.sh"


class ApacheKafkaContainer(DockerContainer):
    """Waits with a shell loop for a start script, since the mapped port is known only once the container runs."""

    def __init__(self) -> None:
        super().__init__(IMAGE)
        self.with_exposed_ports(PORT)
        self.with_command(f"sh -c 'while [ ! -f {SCRIPT} ]; do sleep 0.1; done; sh {SCRIPT}'")

    @property
    def bootstrap(self) -> str:
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    def start(self) -> Self:
        super().start()
        script = dedent(f"""\
            export KAFKA_NODE_ID=1 KAFKA_PROCESS_ROLES=broker,controller
            export KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9094 KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER
            export KAFKA_LISTENERS=PLAINTEXT://0.0.0.0:{PORT},CONTROLLER://localhost:9094
            export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{self.bootstrap}
            export KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
            export KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1 KAFKA_MIN_INSYNC_REPLICAS=1
            export KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1 KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1
            export KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0 KAFKA_AUTO_CREATE_TOPICS_ENABLE=false
            export KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS=1000
            exec /etc/kafka/docker/run
            """).encode()
        archive = BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(SCRIPT.lstrip("/"))
            entry.size, entry.mtime, entry.mode = len(script), int(time.time()), 0o755
            tar.addfile(entry, BytesIO(script))
        self.get_wrapped_container().put_archive("/", archive.getvalue())
        wait_for_logs(self, "Kafka Server started", timeout=60)
        return self
