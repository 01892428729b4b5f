"""Memory and processor of a namespace's pods, by what kubelets say of them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.kube import Kube

MIB = 2**20


@dataclass(frozen=True)
class Usage:
    """Of one pod."""

    resident_bytes: int
    cores: float


def measured(kube: Kube, over_s: float) -> dict[str, Usage]:
    """Pod -> what it holds now, and what it used over so many seconds."""
    before, begun_s = _statistics(kube), time.monotonic()
    while time.monotonic() - begun_s < over_s:
        kube.run("get", "--raw", "/readyz")
    after, took_s = _statistics(kube), time.monotonic() - begun_s
    return {
        name: Usage(pod["memory"]["rssBytes"], (_cpu_ns(pod) - _cpu_ns(before.get(name, pod))) / took_s / 1e9)
        for name, pod in after.items()
        if "rssBytes" in pod["memory"]
    }


def _cpu_ns(pod: Mapping[str, Any]) -> int:
    return int(pod["cpu"].get("usageCoreNanoSeconds", 0))


def _statistics(kube: Kube) -> dict[str, Any]:
    found = {}
    for node in kube.json("get", "nodes")["items"]:
        path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in json.loads(kube.run("get", "--raw", path))["pods"]:
            if pod["podRef"]["namespace"] == kube.namespace:
                found[pod["podRef"]["name"]] = pod
    return found
