"""Memory and processor of a namespace's pods, by what kubelets say of them."""

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.cluster.kube import Kube

MIB = 2**20


def measured(kube: Kube, over_s: float) -> tuple[dict[str, int], float]:
    """Resident bytes of each pod, and the cores that all of them used over so many seconds."""
    before, begun_s = _statistics(kube), time.monotonic()
    while time.monotonic() - begun_s < over_s:
        kube.run("get", "--raw", "/readyz")
    after, took_s = _statistics(kube), time.monotonic() - begun_s
    used_ns = sum(_cpu_ns(pod) - _cpu_ns(before[name]) for name, pod in after.items() if name in before)
    return {
        name: pod["memory"]["rssBytes"] for name, pod in after.items() if "rssBytes" in pod["memory"]
    }, used_ns / took_s / 1e9


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
