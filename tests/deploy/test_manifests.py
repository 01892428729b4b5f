"""`make check-deploy`: overlays build, are what is committed, valid for several versions, and obey our rules."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.deploy import rules
from tests.deploy.manifests import COMPONENTS, K8S, OVERLAYS, Object, built, dist, kubectl, objects, overlay_built
from tidewheel.contracts.topics import TOPICS
from tidewheel.registry.access import USERS, rules_of

VERSIONS = ("1.31", "1.32", "1.33", "1.34")
# Kinds of operators that may not be there: their components are in no overlay.
FOREIGN = {"KafkaNodePool", "Kafka", "KafkaTopic", "ScaledObject", "ServiceMonitor"}
needs_kubectl = pytest.mark.skipif(kubectl() is None, reason="kubectl, which holds kustomize, is not on PATH")


def schema_faults(one: Object, version: str) -> Iterator[str]:
    try:
        kubernetes_validate.validate(one, version, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as failure:
        yield f"{one['kind']} {one['metadata']['name']}: {getattr(failure, 'message', failure)}"


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_committed_is_what_kustomize_makes(overlay: str) -> None:
    first, _, rest = (K8S / "dist" / f"{overlay}.yaml").read_text().partition("\n")
    assert first.startswith("# Made by")
    assert rest == built(K8S / "overlays" / overlay), "run 'make manifests'"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_are_valid(overlay: str, version: str) -> None:
    assert [fault for one in dist(overlay) for fault in schema_faults(one, version)] == []


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_obey(overlay: str, rule: Callable[[Any], Iterator[str]]) -> None:
    assert list(rule(dist(overlay))) == []


@needs_kubectl
@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_goes_with_the_base(component: str, tmp_path: Path) -> None:
    """By itself: overlays combine them as they like."""
    manifest = objects(overlay_built([component], tmp_path))
    own = [one for one in manifest if one["kind"] not in FOREIGN]
    assert [fault for one in own for fault in schema_faults(one, VERSIONS[-1])] == []
    assert [breach for rule in rules.RULES for breach in rule(own)] == []


def test_overlays_need_no_operator() -> None:
    assert {one["kind"] for overlay in OVERLAYS for one in dist(overlay)} & FOREIGN == set()


def test_strimzi_has_the_topics_as_declared() -> None:
    manifest = objects((K8S / "components/strimzi/kafka.yaml").read_text())
    made = {one["metadata"]["name"]: one["spec"] for one in manifest if one["kind"] == "KafkaTopic"}
    assert {name: {key: str(value) for key, value in spec["config"].items()} for name, spec in made.items()} == {
        name: dict(topic.config) for name, topic in TOPICS.items()
    }
    assert {name: spec["partitions"] for name, spec in made.items()} == {
        name: topic.partitions(3) for name, topic in TOPICS.items()
    }


def test_redis_has_the_users_that_the_registry_declares() -> None:
    lines = (K8S / "base/redis/users.acl").read_text().splitlines()
    rules_by_user = {words[1]: words[2:] for words in (line.split() for line in lines) if words[0] == "user"}
    assert rules_by_user.pop("default")[0] == "off"
    assert rules_by_user.pop("health") == ["nopass", "resetchannels", "resetkeys", "-@all", "+ping"]
    assert rules_by_user == {name: rules_of(user) for name, user in USERS.items()}


def test_three_brokers_differ_from_one_only_in_their_count() -> None:
    one, three = (
        {line for line in (K8S / path / "server.properties").read_text().splitlines() if not line.startswith("#")}
        for path in ("base/kafka", "components/three-brokers")
    )
    assert {line.split("=")[0] for line in one} == {line.split("=")[0] for line in three}
    changed = {line.split("=")[0] for line in one ^ three}
    assert all(re.search(r"factor|min\.is|min\.insync|voters", name) for name in changed)


def test_no_path_leads_out_of_the_repository_or_to_the_network() -> None:
    texts = {path: path.read_text() for path in K8S.parent.rglob("kustomization.yaml")}
    assert texts
    assert [
        path for path, text in texts.items() if re.search(r"https?://|github\.com|\.\./\.\./\.\./\.\./\.\.", text)
    ] == []


def broken(overlay: str, kind: str, name: str, change: Callable[[Any], object]) -> list[Object]:
    manifest = copy.deepcopy(list(dist(overlay)))
    (one,) = [each for each in manifest if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    change(one["spec"])
    return manifest


def pod(spec: Any) -> Any:
    return spec["template"]["spec"]


def main(spec: Any) -> Any:
    return pod(spec)["containers"][0]


PLANTED: dict[str, tuple[Callable[..., Iterator[str]], str, str, Callable[[Any], object]]] = {
    "root": (rules.restricted, "StatefulSet", "kafka", lambda spec: pod(spec)["securityContext"].pop("runAsNonRoot")),
    "a token": (rules.restricted, "StatefulSet", "ingest", lambda spec: pod(spec).pop("automountServiceAccountToken")),
    "service links": (rules.restricted, "StatefulSet", "kafka", lambda spec: pod(spec).pop("enableServiceLinks")),
    "a file system to write": (rules.restricted, "Job", "topics", lambda spec: main(spec).pop("securityContext")),
    "a host's path": (
        rules.restricted,
        "Deployment",
        "predictor",
        lambda spec: pod(spec)["volumes"].append({"hostPath": {}}),
    ),
    "no limit": (rules.limited, "StatefulSet", "trainer", lambda spec: main(spec)["resources"].pop("limits")),
    "a volume without end": (
        rules.limited,
        "StatefulSet",
        "trainer",
        lambda spec: pod(spec)["volumes"][0].update(emptyDir={}),
    ),
    "no probe": (rules.probed, "StatefulSet", "redis", lambda spec: main(spec).pop("livenessProbe")),
    "killed for Kafka's fault": (
        rules.probed,
        "StatefulSet",
        "labeler",
        lambda spec: main(spec)["livenessProbe"]["httpGet"].update(path="/ready"),
    ),
    "ready without a model": (
        rules.probed,
        "Deployment",
        "predictor",
        lambda spec: main(spec)["readinessProbe"]["grpc"].pop("service"),
    ),
    "latest": (
        rules.pinned,
        "StatefulSet",
        "redis",
        lambda spec: main(spec).update(image="docker.io/library/redis:latest"),
    ),
    "another version": (
        rules.pinned,
        "StatefulSet",
        "ingest",
        lambda spec: main(spec).update(image="localhost/tidewheel-ingest:9"),
    ),
    "another image": (
        rules.pinned,
        "StatefulSet",
        "ingest",
        lambda spec: main(spec).update(image="localhost/tidewheel-trainer:0.1.0"),
    ),
    "no label": (rules.labelled, "StatefulSet", "ingest", lambda spec: spec["template"]["metadata"]["labels"].clear()),
    "a service of nobody": (
        rules.labelled,
        "Service",
        "predictor",
        lambda spec: spec["selector"].update({"app.kubernetes.io/component": "x"}),
    ),
    "another port": (
        rules.scraped,
        "StatefulSet",
        "labeler",
        lambda spec: spec["template"]["metadata"]["annotations"].update({"prometheus.io/port": "1"}),
    ),
    "no such setting": (
        rules.configured,
        "StatefulSet",
        "labeler",
        lambda spec: main(spec)["env"].append({"name": "TIDEWHEEL_NONSENSE", "value": "1"}),
    ),
    "another's setting": (
        rules.configured,
        "StatefulSet",
        "labeler",
        lambda spec: main(spec)["env"].append({"name": "TIDEWHEEL_WINDOW", "value": "500"}),
    ),
    "a wrong value": (
        rules.configured,
        "StatefulSet",
        "labeler",
        lambda spec: main(spec)["env"].append({"name": "TIDEWHEEL_COMMIT_INTERVAL_MS", "value": "x"}),
    ),
    "no such ConfigMap": (
        rules.whole,
        "StatefulSet",
        "kafka",
        lambda spec: pod(spec)["volumes"][0].update(configMap={"name": "x"}),
    ),
    "a wait in silence": (
        rules.whole,
        "StatefulSet",
        "ingest",
        lambda spec: pod(spec)["volumes"].append({"name": "tmp", "secret": {"secretName": "x"}}),
    ),
    "no time to drain": (
        rules.patient,
        "Deployment",
        "predictor",
        lambda spec: pod(spec).update(terminationGracePeriodSeconds=10),
    ),
    "Kafka goes first": (rules.patient, "StatefulSet", "kafka", lambda spec: main(spec).pop("lifecycle")),
    "a closed door": (rules.separated, "NetworkPolicy", "redis", lambda spec: spec["ingress"].clear()),
    "an open door": (rules.separated, "NetworkPolicy", "to-redis", lambda spec: spec.update(podSelector={})),
    "open to all": (rules.separated, "NetworkPolicy", "kafka", lambda spec: spec["ingress"].append({})),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_faults_are_found(fault: str) -> None:
    rule, kind, name, change = PLANTED[fault]
    assert list(rule(broken("kind", kind, name, change)))


def test_a_misspelt_field_is_no_valid_manifest() -> None:
    manifest = broken("kind", "StatefulSet", "kafka", lambda spec: main(spec).update(enviroment=[]))
    assert [fault for one in manifest for fault in schema_faults(one, VERSIONS[0])]
