"""Prometheus on a cluster asks each service once, and nothing else. That it is let to them: rule `separated`."""

import copy
from typing import Any

import pytest
import yaml

from tests.deploy.discovery import discovered, scraped
from tests.deploy.manifests import OVERLAYS, SERVICES, Object, dist, workloads

WATCHED = [one for one in OVERLAYS if any(each.component == "prometheus" for each in workloads(dist(one)))]
NETWORKS = ("10.1.0.", "fd00::")


def job_of(manifest: tuple[Object, ...]) -> Any:
    (text,) = [
        one["data"]["prometheus.yml"]
        for one in manifest
        if one["kind"] == "ConfigMap" and "prometheus.yml" in one.get("data", {})
    ]
    (job,) = yaml.safe_load(text)["scrape_configs"]
    return job


def wanted(manifest: tuple[Object, ...], network: str) -> set[tuple[str, str, str]]:
    hosts = {one.component: f"{network}{number}" for number, one in enumerate(workloads(manifest), 1)}
    ports = dict(zip(SERVICES, range(9101, 9106), strict=True))
    written = "[{}]:{}" if ":" in network else "{}:{}"
    return {(written.format(hosts[one], ports[one]), one, f"{one}-0") for one in SERVICES}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("overlay", WATCHED)
def test_each_service_is_asked_once_and_nothing_else(overlay: str, network: str) -> None:
    manifest = dist(overlay)
    assert scraped(job_of(manifest), discovered(manifest, network)) == wanted(manifest, network)


@pytest.mark.parametrize("overlay", WATCHED)
def test_it_may_ask_which_pods_there_are_in_its_own_namespace(overlay: str) -> None:
    by_kind = {one["kind"]: one for one in dist(overlay) if one["metadata"]["name"] == "prometheus"}
    assert job_of(dist(overlay))["kubernetes_sd_configs"] == [{"role": "pod", "namespaces": {"own_namespace": True}}]
    (rule,) = by_kind["Role"]["rules"]
    assert (rule["apiGroups"], rule["resources"], rule["verbs"]) == ([""], ["pods"], ["get", "list", "watch"])
    (subject,), role = by_kind["RoleBinding"]["subjects"], by_kind["RoleBinding"]["roleRef"]
    assert (subject["kind"], subject["name"], role["kind"], role["name"]) == (
        *("ServiceAccount", by_kind["ServiceAccount"]["metadata"]["name"]),
        *("Role", "prometheus"),
    )
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("prometheus", True)


@pytest.mark.parametrize("kind", ["annotations", "labels", "port"])
def test_a_planted_difference_is_found(kind: str) -> None:
    manifest = copy.deepcopy(dist(WATCHED[0]))
    (one,) = [each for each in manifest if (each["kind"], each["metadata"]["name"]) == ("StatefulSet", "labeler")]
    template = one["spec"]["template"]
    if kind == "port":
        template["spec"]["containers"][0]["ports"][0]["name"] = "other"
    else:
        template["metadata"][kind].clear()
    assert scraped(job_of(manifest), discovered(manifest, NETWORKS[0])) != wanted(dist(WATCHED[0]), NETWORKS[0])
