"""`make cluster-test`: the system on the cluster that the kube context names, disturbed there and judged.

1. The namespace, its Secrets and the test overlay; until each workload is ready, and the first model is served.
2. Predictions from another pod, through both Services; what the namespace refuses; who may not talk to whom.
3. A pod of each service, of Kafka and of Redis is deleted, the predictor rolled, its node drained, everything scaled to
   three and rolled, all under calls: none may fail, but where the only broker is away.
4. The log keeps its laws, and each label is the oracle's.

With `--from TAG` it begins with our images of that tag, and the rolling is an upgrade from them to this tree's.

It makes one namespace and removes it again, however it ends. Exit code 1 with a line for each thing that is wrong.
"""

import argparse
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import judge, usage
from tests.cluster.calls import CallLog
from tests.cluster.kube import Kube, KubectlError, ready
from tests.cluster.releases import images_of, of_release
from tests.deploy.manifests import K8S, SERVICES
from tests.waiting import eventually

NAMESPACE = "tidewheel-test"
OVERLAY = K8S / "overlays" / "test"
INSTRUMENT = "sim:BTC-USD"
WORKLOADS = tuple(f"statefulset/{name}" for name in ("kafka", "redis", *SERVICES) if name != "predictor")
PREDICTOR = "deployment/predictor"
REDIS_USERS = ("trainer", "predictor", "people", "admin")
LIMIT_S = 900.0
MEMORY_MAX_BYTES = 3 * 2**30
POLL_EVERY_S = 0.5
CPU_OVER_S = 20.0
# A pod that the restricted standard refuses.
ROOT_POD = """{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": {"containers": [{"name": "a",
"image": "a", "securityContext": {"privileged": true}}]}}"""
# What predictors say while the only broker is away, and nobody can tell what the market does.
BROKER_AWAY = "gives no market seconds"
# Who asks the cluster's DNS too early is told for its cache time, up to half a minute, that no predictor has a name.
NO_NAME_YET = "errors resolving predictor-pods"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"


class Trial:
    """One run over a namespace of its own. `faults`: what is wrong so far, in words."""

    def __init__(self, kube: Kube, since: str | None = None) -> None:
        self._kube = kube
        self._since = since
        self._calls = CallLog(kube)
        self._begun_s = time.monotonic()
        self.faults: list[str] = []

    def run(self) -> None:
        self.start()
        self.check_doors()
        for component in (*SERVICES, "redis", "kafka", "prometheus"):
            self.disturb(
                f"a pod of {component} deleted",
                lambda one=component: self.delete_pod(one),  # type: ignore[misc]
                BROKER_AWAY if component == "kafka" else "",
            )
        self.disturb("the predictor rolled", lambda: self.restart(PREDICTOR))
        self.disturb("a predictor's node drained", self.drain)
        self.measure()
        self.disturb("labeler, trainer and predictor on three replicas", self.scale)
        self.disturb(
            "everything upgraded" if self._since else "everything rolled, as an upgrade does", self.roll, BROKER_AWAY
        )
        self.judge()

    def start(self) -> None:
        kube = self._kube
        kube.run("apply", "-f", str(OVERLAY / "namespace.yaml"))
        passwords = [f"--from-literal={user}={secrets.token_urlsafe(24)}" for user in REDIS_USERS]
        kube.run("create", "secret", "generic", "redis-passwords", *passwords)
        kube.run("create", "secret", "generic", "model-key", f"--from-literal=hmac={secrets.token_urlsafe(32)}")
        self._begun_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="tidewheel-cluster-") as folder:
            kube.apply(of_release(self._since, OVERLAY, Path(folder)) if self._since else OVERLAY)
        self.say(f"applied, of release {self._since}" if self._since else "applied")
        for workload in (*WORKLOADS, "deployment/prometheus"):
            kube.await_rollout(workload, LIMIT_S)
            self.say(f"{workload} ready")
        self.say("all ready but the predictor, which waits for a model")
        kube.await_rollout(PREDICTOR, LIMIT_S)
        self.say("first model served: predictor ready")
        kube.apply(Path(__file__).with_name("pods"))
        kube.run("wait", "pod/caller", "pod/tools", "--for=condition=Ready", f"--timeout={LIMIT_S:.0f}s")
        self._await_calls("the first prediction from another pod", NO_NAME_YET)
        self.say("predictions from another pod by both Services")

    def check_doors(self) -> None:
        """What the namespace's standard and the network policies refuse."""
        if not self._refused("apply", "--dry-run=server", "-f", "-", text=ROOT_POD):
            self.faults.append("a privileged pod is let in")
        for pod, host, port, open_ in (
            ("trainer-0", "redis", "6379", True),
            ("labeler-0", "redis", "6379", False),
            ("labeler-0", "predictor", "50051", False),
            ("caller", "kafka", "9092", False),
        ):
            closed = self._refused("exec", pod, "--", "python3", "-c", CONNECT, host, port)
            if closed is open_:
                self.faults.append(f"{pod} to {host}: {'closed' if closed else 'open'}")
        self.say("what is refused was tried")

    def disturb(self, what: str, do: Callable[[], None], excused: str = "") -> None:
        """Under calls, none of which may fail but by `excused`; until some more were answered after it."""
        begun_s = time.monotonic()
        do()
        took_s = time.monotonic() - begun_s
        self._await_calls(what, excused)
        self.say(f"{what}: ready again after {took_s:.0f} s")

    def delete_pod(self, component: str) -> None:
        """Until as many as before are ready without it; a controller may count one that is ending as ready."""
        before = self._kube.pods(component)
        name, uid = before[0]["metadata"]["name"], before[0]["metadata"]["uid"]
        self._kube.run("delete", "pod", name, "--wait=false")

        def replaced() -> bool:
            uids = {pod["metadata"]["uid"] for pod in self._kube.pods(component) if ready(pod)}
            return uid not in uids and len(uids) >= len(before)

        eventually(replaced, f"{name} is replaced", POLL_EVERY_S, LIMIT_S)

    def restart(self, *workloads: str) -> None:
        self._kube.run("rollout", "restart", *workloads)
        for workload in workloads:
            self._await(workload)

    def drain(self) -> None:
        """Of several nodes one is drained; of a single one, its predictors are evicted as a drain does, one after the
        other: while the first is away the second has to stay."""
        kube = self._kube
        node = kube.pods("predictor")[0]["spec"]["nodeName"]
        try:
            if len(kube.json("get", "nodes")["items"]) > 1:
                ours = "--pod-selector=app.kubernetes.io/part-of=tidewheel"
                kube.run(
                    "drain", node, ours, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={LIMIT_S:.0f}s"
                )
            else:
                kube.run("cordon", node)
                first, second = (pod["metadata"]["name"] for pod in kube.pods("predictor"))
                if self._eviction_refused(first):
                    self.faults.append("a predictor could not be evicted though another one serves")
                if not self._eviction_refused(second):
                    self.faults.append("the last predictor was evicted")
        finally:
            kube.run("uncordon", node)
        for workload in (*WORKLOADS, PREDICTOR):
            self._await(workload)

    def scale(self) -> None:
        workloads = ("statefulset/labeler", "statefulset/trainer", PREDICTOR)
        self._kube.run("scale", "--replicas=3", *workloads)
        for workload in workloads:
            self._await(workload)

    def roll(self) -> None:
        """Everything anew; where it began with another release, by applying this one."""
        before = self._await_calls("calls before the upgrade")
        if self._since:
            self._upgrade()
        else:
            self.restart(*WORKLOADS, PREDICTOR)
        after = self._await_calls("calls after the upgrade", BROKER_AWAY)
        if after < before:
            self.faults.append(f"model {before} served before the upgrade, {after} after it")

    def _upgrade(self) -> None:
        self._kube.apply(OVERLAY)
        for workload in (*WORKLOADS, PREDICTOR):
            self._await(workload)
        pods = [pod for component in SERVICES for pod in self._kube.pods(component)]
        if old := [image for image in images_of(pods) if image.endswith(f":{self._since}")]:
            self.faults.append(f"still running after the upgrade: {', '.join(sorted(old))}")

    def measure(self) -> None:
        used = usage.measured(self._kube, CPU_OVER_S)
        for name, one in sorted(used.items()):
            self.say(f"{name}: {one.resident_bytes / usage.MIB:.0f} MiB resident, {one.cores:.3f} cores")
        total = sum(one.resident_bytes for one in used.values())
        cores = sum(one.cores for one in used.values())
        self.say(f"the namespace: {total / usage.MIB:.0f} MiB resident, {cores:.2f} cores")
        if total > MEMORY_MAX_BYTES:
            self.faults.append(f"the namespace takes {total / usage.MIB:.0f} MiB")

    def judge(self) -> None:
        try:
            self.say(self._kube.tools("verify-log").strip().splitlines()[-1])
        except KubectlError as failure:
            self.faults.append(str(failure))
        with tempfile.TemporaryDirectory(prefix="tidewheel-cluster-") as folder:
            count, found = judge.faults(self._kube, INSTRUMENT, Path(folder))
        self.faults += found
        self.say(f"{count} labels compared with the oracle, {len(found)} differ")

    def say(self, words: str) -> None:
        print(f"{time.monotonic() - self._begun_s:7.1f} s  {words}", flush=True)

    def _await(self, workload: str) -> None:
        self._kube.await_rollout(workload, LIMIT_S)

    def _await_calls(self, what: str, excused: str = "") -> int:
        """The newest model's number in answers, once calls were answered by both Services; what failed is a fault, but
        for what says `excused`."""
        answered: set[str] = set()
        newest = [0]

        def enough() -> bool:
            calls = self._calls.take()
            for code, count in calls.failed.items():
                if excused and excused in code:
                    self.say(f"{what}: {count} calls refused, {code}")
                    continue
                self.faults.append(f"{what}: {count} calls failed, {code}")
            answered.update(code for code in calls.codes if code.endswith(" OK"))
            newest.append(calls.version)
            return len(answered) > 1

        eventually(enough, f"{what}: predictions by both Services", POLL_EVERY_S)
        return max(newest)

    def _refused(self, *words: str, text: str | None = None) -> bool:
        try:
            self._kube.run(*words, text=text)
        except KubectlError:
            return True
        return False

    def _eviction_refused(self, pod: str) -> bool:
        body = f'{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {{"name": "{pod}"}}}}'
        path = f"/api/v1/namespaces/{self._kube.namespace}/pods/{pod}/eviction"
        return self._refused("create", "--raw", path, "-f", "-", text=body)


@contextmanager
def cleaned(kube: Kube, keep: bool) -> Iterator[None]:
    """The namespace is gone afterwards, whatever happened. Ended by a signal it is an interrupt."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if not keep and kube.exists("namespace", kube.namespace):
            print("removing the namespace", flush=True)
            kube.run("delete", "namespace", kube.namespace, "--timeout=300s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.cluster")
    parser.add_argument("--keep", action="store_true", help="leave the namespace, to look at it")
    parser.add_argument("--from", dest="since", metavar="TAG", help="begin with our images of that tag, then upgrade")
    options = parser.parse_args()
    kube = Kube(NAMESPACE)
    try:
        if kube.exists("namespace", NAMESPACE):
            print(
                f"cluster-test: namespace {NAMESPACE} is there; remove it first: kubectl delete ns {NAMESPACE}",
                file=sys.stderr,
            )
            return 2
        with cleaned(kube, options.keep):
            trial = Trial(kube, options.since)
            try:
                trial.run()
            except AssertionError as failure:
                trial.faults.append(str(failure))
    except (KubectlError, FileNotFoundError) as failure:
        print(f"cluster-test: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for fault in trial.faults:
        print(f"WRONG: {fault}", file=sys.stderr)
    print("nothing is wrong" if not trial.faults else f"{len(trial.faults)} things are wrong")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
