"""What Prometheus makes of pods: its labels of role `pod`, and its rewriting of labels as far as we use it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from tests.deploy.manifests import Object, workloads

Labels = dict[str, str]
POD = "__meta_kubernetes_pod"


def discovered(manifest: Sequence[Object], network: str) -> Iterator[Labels]:
    """A target for each port of each container of each pod; for a container without ports, one without a port.
    `network`: how addresses begin; one that holds colons is of IPv6."""
    numbers = count(1)
    for one in workloads(manifest):
        address = f"{network}{next(numbers)}"
        labels = {f"{POD}_name": f"{one.name}-0", "job": "tidewheel"}
        labels |= _named(f"{POD}_annotation", one.annotations) | _named(f"{POD}_label", one.labels)
        for container in one.containers:
            for port in container.get("ports") or [{}]:
                host = f"[{address}]" if port and ":" in address else address
                target = f"{host}:{port['containerPort']}" if port else address
                yield labels | {"__address__": target, f"{POD}_container_port_name": port.get("name", "")}


def _named(prefix: str, labels: Mapping[str, str]) -> Labels:
    return {f"{prefix}_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}": value for name, value in labels.items()}


def scraped(job: Mapping[str, Any], targets: Iterator[Labels]) -> set[tuple[str, str, str]]:
    """Address, job and instance of what is asked for metrics. Two of the same labels are one."""
    kept = (labels for target in targets if (labels := _relabelled(job["relabel_configs"], target)))
    return {(one["__address__"], one.get("job", ""), one.get("instance", one["__address__"])) for one in kept}


def _relabelled(rules: Sequence[Mapping[str, Any]], labels: Labels) -> Labels | None:
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule["source_labels"])
        matched = re.fullmatch(rule.get("regex", "(.*)"), value)
        action = rule.get("action", "replace")
        assert action in ("keep", "replace"), f"{action} is not known here"
        if action == "keep" and not matched:
            return None
        if action == "replace" and matched:
            new = matched.expand(rule.get("replacement", "$1").replace("$", "\\"))
            labels = {name: old for name, old in labels.items() if name != rule["target_label"]}
            labels |= {rule["target_label"]: new} if new else {}
    return labels
