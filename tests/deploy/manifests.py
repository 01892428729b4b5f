"""The manifests as values: objects of a rendered overlay, the pods in them, and who may talk to whom."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.tidy.tree import ROOT

K8S = ROOT / "deploy" / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (K8S / "components").iterdir())
SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
COMPONENT = "app.kubernetes.io/component"
WORKLOADS = ("Deployment", "StatefulSet", "Job")
Object = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """One Deployment, StatefulSet or Job. Containers come with those that run before them."""

    kind: str
    name: str
    component: str
    pod: Object
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def main(self) -> Object:
        return self.pod["containers"][0]  # type: ignore[no-any-return]

    @property
    def containers(self) -> list[Object]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]


def objects(text: str) -> list[Object]:
    """Of a rendered file."""
    return [one for one in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if one]


@cache
def dist(overlay: str) -> tuple[Object, ...]:
    """What is committed of an overlay."""
    return tuple(objects((K8S / "dist" / f"{overlay}.yaml").read_text()))


def kubectl() -> str | None:
    return shutil.which("kubectl")


def built(folder: Path) -> str:
    """What kustomize makes of a folder. Raises CalledProcessError."""
    command = [str(kubectl()), "kustomize", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def overlay_built(components: Sequence[str], folder: Path, *lines: str) -> str:
    """The base with components, and lines of its own, by a kustomization in `folder`."""
    paths = [os.path.relpath(K8S / "components" / one, folder) for one in components]
    parts = [f"resources: [{os.path.relpath(K8S / 'base', folder)}]", f"components: [{', '.join(paths)}]", *lines]
    (folder / "kustomization.yaml").write_text("\n".join(parts) + "\n")
    return built(folder)


def workloads(manifest: Sequence[Object]) -> Iterator[Workload]:
    for one in manifest:
        if one["kind"] in WORKLOADS:
            template = one["spec"]["template"]
            labels = template["metadata"].get("labels", {})
            annotations = template["metadata"].get("annotations", {})
            name = one["metadata"]["name"]
            yield Workload(one["kind"], name, labels.get(COMPONENT, ""), template["spec"], labels, annotations)


def environment(manifest: Sequence[Object], container: Object) -> dict[str, str]:
    """What a container finds in its environment; what comes from its own pod is its name."""
    maps = {one["metadata"]["name"]: one.get("data", {}) for one in manifest if one["kind"] == "ConfigMap"}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    for one in container.get("env", []):
        found[one["name"]] = one.get("value", container["name"])
    return found


def open_ends(manifest: Sequence[Object], source: str, target: str, port: Object) -> tuple[bool, bool]:
    """Whether network policies let a pod of component `source` out to `target` on a container port, and `target` let
    it in."""
    policies = [one["spec"] for one in manifest if one["kind"] == "NetworkPolicy"]
    return _passes(policies, "Egress", source, target, port), _passes(policies, "Ingress", target, source, port)


def _passes(policies: Sequence[Object], way: str, subject: str, other: str, port: Object) -> bool:
    holding = [one for one in policies if way in one["policyTypes"] and selects(one["podSelector"], subject)]
    rules = [rule for one in holding for rule in one.get(way.lower(), [])]
    return not holding or any(_rule_passes(rule, way, other, port) for rule in rules)


def _rule_passes(rule: Object, way: str, other: str, port: Object) -> bool:
    peers = rule.get("to" if way == "Egress" else "from")
    pods = [peer for peer in peers or [] if "podSelector" in peer and "namespaceSelector" not in peer]
    named = any(selects(peer["podSelector"], other) for peer in pods)
    ports = {one["port"] for one in rule.get("ports", [])}
    return (peers is None or named) and (not ports or bool(ports & {port["name"], port["containerPort"]}))


def selects(selector: Object, component: str) -> bool:
    """Pods of ours are told apart by their component; of those who call the predictor any has its label."""
    labels = {COMPONENT: component}
    if component == "client":
        labels["tidewheel.dev/predictor-client"] = "true"
    wanted = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    among = all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))
    return wanted and among
