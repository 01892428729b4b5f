"""What `make cluster-test` concludes from what a cluster says, without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.calls import summed
from tests.cluster.kube import ready, rolled_out
from tests.cluster.releases import images_of, of_release
from tests.deploy.manifests import K8S, SERVICES, built, dist, kubectl, objects, workloads

READY = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    ("status", "done"),
    [
        (READY, True),
        (READY | {"observedGeneration": 1}, False),  # of the order before
        (READY | {"readyReplicas": 1}, False),
        (READY | {"updatedReplicas": 1}, False),
        (READY | {"replicas": 3}, False),  # an old one is still there
        ({}, False),
    ],
)
def test_rolled_out_is_all_new_and_all_ready(status: dict[str, Any], done: bool) -> None:
    workload = {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}
    assert rolled_out(workload) is done


@pytest.mark.parametrize(
    ("status", "can"),
    [
        ({"conditions": [{"type": "Ready", "status": "True"}]}, True),
        ({"conditions": [{"type": "Ready", "status": "False"}, {"type": "Initialized", "status": "True"}]}, False),
        ({}, False),
    ],
)
def test_a_pod_is_ready_when_it_says_so(status: dict[str, Any], can: bool) -> None:
    assert ready({"status": status}) is can


def test_calls_that_failed_are_told_from_those_that_were_answered() -> None:
    lines = [
        json.dumps({"codes": {"a OK": 3, "b OK": 2}, "slowest_s": 0.1, "version": 4}),
        json.dumps({"codes": {"a OK": 1, "a UNAVAILABLE: gone": 2}, "slowest_s": 0.5, "version": 0}),
    ]
    calls = summed(lines)
    assert calls.failed == {"a UNAVAILABLE: gone": 2}
    assert (calls.count, calls.slowest_s, calls.version) == (8, 0.5, 4)


@pytest.mark.skipif(kubectl() is None, reason="kubectl, which holds kustomize, is not on PATH")
def test_another_release_differs_in_our_images_only(tmp_path: Path) -> None:
    text = built(of_release("before", K8S / "overlays" / "test", tmp_path))
    images = {image for one in workloads(objects(text)) for image in images_of([{"spec": one.pod}])}
    ours = {image for image in images if "tidewheel" in image}
    assert ours == {f"localhost/tidewheel-{one}:before" for one in (*SERVICES, "tools")}
    tag = next(one.main["image"].split(":")[1] for one in workloads(dist("test")) if one.component == "ingest")
    assert objects(text.replace(":before", f":{tag}")) == list(dist("test"))
