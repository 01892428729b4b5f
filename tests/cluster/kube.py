"""The cluster that the kube context names, by kubectl."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.waiting import Deadline, eventually

POLL_EVERY_S = 0.5
READ_TRIES = 6
RETRY_EVERY_S = 5.0


class KubectlError(Exception):
    """kubectl refused; the message is what it said."""


class Kube:
    """One namespace of it."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._pause = threading.Event()

    def run(self, *words: str, text: str | None = None) -> str:
        return self.read(*words, text=text).decode()

    def read(self, *words: str, text: str | None = None) -> bytes:
        """What kubectl prints, as it is. Raises KubectlError."""
        command = ["kubectl", "-n", self.namespace, *words]
        ended = subprocess.run(command, input=text.encode() if text else None, capture_output=True, check=False)
        if ended.returncode:
            raise KubectlError(f"kubectl {' '.join(words[:3])}: {ended.stderr.decode().strip()[-2000:]}")
        return ended.stdout

    def json(self, *words: str) -> Any:
        """What is there now. Asked again where the API does not answer: reading changes nothing."""
        for _ in range(READ_TRIES - 1):
            try:
                return json.loads(self.run(*words, "-o", "json"))
            except KubectlError:
                self._pause.wait(RETRY_EVERY_S)
        return json.loads(self.run(*words, "-o", "json"))

    def apply(self, folder: Path) -> None:
        self.run("apply", "-k", str(folder))

    def pods(self, component: str) -> list[Any]:
        """Those that are not on their way out."""
        items = self.json("get", "pods", "-l", f"app.kubernetes.io/component={component}")["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def tools(self, *words: str) -> str:
        """What the `tidewheel` program prints, run in the pod of that name."""
        return self.run("exec", "tools", "--", "python3", "-m", "tidewheel.cli.main", *words)

    def await_rollout(self, workload: str, limit_s: float) -> None:
        """`workload`: kind/name. Raises AssertionError with what its pods say of themselves."""
        deadline = Deadline(limit_s)
        while True:
            one = self.json("get", workload)
            if rolled_out(one):
                return
            try:
                deadline.check(f"{workload} is not rolled out")
            except AssertionError as failure:
                raise AssertionError(f"{failure}\n{self.complaints(one['metadata']['name'])}") from None
            self._pause.wait(POLL_EVERY_S)

    def complaints(self, component: str) -> str:
        lines = [self.run("get", "pods", "-o", "wide")]
        for pod in self.pods(component):
            name = pod["metadata"]["name"]
            lines += [f"{name}:", self.run("logs", name, "--all-containers", "--tail", "15", "--ignore-errors")]
        return "\n".join(lines)

    def await_gone(self, kind: str, name: str) -> None:
        eventually(lambda: not self.exists(kind, name), f"{kind} {name} is gone", POLL_EVERY_S)

    def exists(self, kind: str, name: str) -> bool:
        return bool(self.run("get", kind, name, "--ignore-not-found", "-o", "name").strip())


def rolled_out(one: Any) -> bool:
    """Whether a Deployment or StatefulSet is all new and all ready, as `kubectl rollout status` has it."""
    spec, status = one["spec"], one.get("status", {})
    if status.get("observedGeneration", 0) < one["metadata"]["generation"]:
        return False
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
    return all(count == spec["replicas"] for count in counts)


def ready(pod: Any) -> bool:
    """Whether a pod says that it can do its work."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
