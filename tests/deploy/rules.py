"""What every manifest of ours must obey, as functions: objects in, sentences about breaches out."""

import importlib
import re
import tomllib
from collections.abc import Iterator, Sequence

from tests.deploy.manifests import SERVICES, Object, environment, open_ends, workloads
from tests.deploy.ways_out import outward
from tests.tidy.tree import ROOT
from tidewheel.contracts.topics import TOPICS
from tidewheel.runtime.settings import SettingsError, load
from tidewheel.wire.v1 import predictor_pb2

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
PREDICTOR_SERVICE = predictor_pb2.DESCRIPTOR.services_by_name["PredictorService"].full_name
REDIS_CLIENTS = ("trainer", "predictor")
# The one that asks the API which pods there are.
TOKEN_HOLDERS = ("prometheus",)
# Where pods find what Secrets hold.
SECRETS = "/run/secrets/"
DRAINS = ("drain_wait_s", "drain_grace_s")
VOLUMES = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim", "downwardAPI"}


def restricted(manifest: Sequence[Object]) -> Iterator[str]:
    """The restricted standard and more: a read-only root, no token, no variables made of services."""
    for one in workloads(manifest):
        pod, context = one.pod, one.pod.get("securityContext", {})
        good = context.get("runAsNonRoot") and context.get("runAsUser", 0) > 0
        if not good or context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{one.name}: runs as root, or without the runtime's seccomp profile"
        if pod.get("automountServiceAccountToken") is not (one.component in TOKEN_HOLDERS):
            yield f"{one.name}: a token that it does not need, or none that it needs"
        if pod.get("enableServiceLinks") is not False:
            yield f"{one.name}: variables of services"
        yield from (f"{one.name}: a volume of {volume}" for volume in pod.get("volumes", []) if not VOLUMES & {*volume})
        for container in one.containers:
            wanted = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            if container.get("securityContext") != wanted:
                yield f"{one.name}, {container['name']}: rights or a root file system that can be written"


def limited(manifest: Sequence[Object]) -> Iterator[str]:
    """Memory and processor asked for, memory bounded; processor is not, since calls would wait for it."""
    for one in workloads(manifest):
        for container in one.containers:
            resources = container.get("resources", {})
            if {*resources.get("requests", {})} != {"cpu", "memory"} or {*resources.get("limits", {})} != {"memory"}:
                yield f"{one.name}, {container['name']}: requests of cpu and memory, and a limit of memory only"
        for volume in one.pod.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{one.name}: {volume['name']} has no bound"


def probed(manifest: Sequence[Object]) -> Iterator[str]:
    """Three questions with meanings of their own; whether to kill a process never depends on another one."""
    for one in workloads(manifest):
        if one.kind == "Job":
            continue
        if missing := [probe for probe in PROBES if probe not in one.main]:
            yield f"{one.name}: lacks {', '.join(missing)}"
            continue
        if one.component in SERVICES:
            startup, readiness, liveness = (one.main[probe] for probe in PROBES)
            if startup.get("tcpSocket") != {"port": "metrics"} or liveness.get("httpGet", {}).get("path") != "/live":
                yield f"{one.name}: startup asks for the port, liveness for /live"
            # Health of "" says that the process works; that of its service, that it has a model.
            by_grpc = readiness.get("grpc", {}).get("service") == PREDICTOR_SERVICE
            if readiness.get("httpGet", {}).get("path") != "/ready" and not by_grpc:
                yield f"{one.name}: readiness asks for /ready, or by gRPC for the health of {PREDICTOR_SERVICE}"


def pinned(manifest: Sequence[Object]) -> Iterator[str]:
    """Every image by a version or a digest; ours by the version of this tree."""
    for one in workloads(manifest):
        for container in one.containers:
            name, _, tag = container["image"].rpartition(":")
            own = re.search(r"tidewheel[-/](\w+)$", name)
            if not name or tag == "latest" or (own and tag != VERSION):
                yield f"{one.name}: image {container['image']}"
            if own and own[1] not in (one.component, "tools"):
                yield f"{one.name}: the image of {own[1]}"


def labelled(manifest: Sequence[Object]) -> Iterator[str]:
    """Pods say what they are, and selectors find them."""
    pods = list(workloads(manifest))
    for one in pods:
        if one.labels.get("app.kubernetes.io/part-of") != "tidewheel" or one.component != one.name:
            yield f"{one.name}: labels {one.labels}"
    for each in manifest:
        selector = each.get("spec", {}).get("selector")
        if each["kind"] in ("Service", "PodDisruptionBudget") and selector:
            wanted = selector.get("matchLabels", selector).items()
            if not any(wanted <= one.labels.items() for one in pods):
                yield f"{each['kind']} {each['metadata']['name']}: selects no pod"


def scraped(manifest: Sequence[Object]) -> Iterator[str]:
    """The port of the metrics is one and the same: the setting's default, the container's, the annotation's."""
    for one in workloads(manifest):
        if one.component in SERVICES:
            ports = {str(port["containerPort"]) for port in one.main["ports"] if port["name"] == "metrics"}
            default = str(settings_class(one.component).__dataclass_fields__["metrics_port"].default)
            if {default, environment(manifest, one.main)["TIDEWHEEL_METRICS_PORT"], *ports} != {
                one.annotations.get("prometheus.io/port")
            } or one.annotations.get("prometheus.io/scrape") != "true":
                yield f"{one.name}: metrics on {ports}, {default} and {dict(one.annotations)}"


def configured(manifest: Sequence[Object]) -> Iterator[str]:
    """Each service takes what it is given, and each variable is one that some service knows."""
    known = {f"TIDEWHEEL_{name.upper()}" for one in SERVICES for name in settings_class(one).__dataclass_fields__}
    for one in workloads(manifest):
        for container in one.containers:
            given = environment(manifest, container)
            yield from (
                f"{one.name}: no setting {name}"
                for name in given
                if name.startswith("TIDEWHEEL_") and name not in known
            )
        if one.component in SERVICES:
            fields = settings_class(one.component).__dataclass_fields__
            own = {each["name"] for each in one.main.get("env", []) if each["name"].startswith("TIDEWHEEL_")}
            yield from (f"{one.name}: not its setting: {name}" for name in own if name[10:].lower() not in fields)
            try:
                load(settings_class(one.component), environment(manifest, one.main))
            except SettingsError as failure:
                # What lies in Secrets is not here.
                lines = [line for line in str(failure).splitlines() if SECRETS not in line]
                yield from (f"{one.name}: {line}" for line in lines)


def settings_class(service: str) -> type:
    return importlib.import_module(f"services.{service}.settings").Settings  # type: ignore[no-any-return]


def whole(manifest: Sequence[Object]) -> Iterator[str]:
    """What a pod names is there; Secrets are never part of it, and a pod that lacks one starts and says so."""
    names = {(one["kind"], one["metadata"]["name"]) for one in manifest}
    yield from (f"a Secret: {name}" for kind, name in names if kind == "Secret")
    for one in workloads(manifest):
        mounted = {mount["name"] for container in one.containers for mount in container.get("volumeMounts", [])}
        given = {volume["name"] for volume in one.pod.get("volumes", [])}
        if (one.kind != "StatefulSet" and mounted - given) or given - mounted:
            yield f"{one.name}: volumes {sorted(mounted ^ given)}"
        for volume in one.pod.get("volumes", []):
            if "secret" in volume and not volume["secret"].get("optional"):
                yield f"{one.name}: would wait in silence for Secret {volume['secret']['secretName']}"
            for source in [volume, *volume.get("projected", {}).get("sources", [])]:
                if "configMap" in source and ("ConfigMap", source["configMap"]["name"]) not in names:
                    yield f"{one.name}: no ConfigMap {source['configMap']['name']}"


def patient(manifest: Sequence[Object]) -> Iterator[str]:
    """Time to end: more than the predictor drains for; servers end after those who still have something to say."""
    for one in workloads(manifest):
        if one.component == "predictor":
            drains_s = [settings_class("predictor").__dataclass_fields__[name].default for name in DRAINS]
            if one.pod["terminationGracePeriodSeconds"] < sum(drains_s) + 5:
                yield "predictor: is killed while it drains"
        if one.component in ("kafka", "redis") and "preStop" not in one.main.get("lifecycle", {}):
            yield f"{one.name}: ends with its clients, not after them"


def separated(manifest: Sequence[Object]) -> Iterator[str]:
    """Where there are network policies: each declared flow is open, and of any other neither end is."""
    pods = {one.component: one for one in workloads(manifest)}
    if not any(one["kind"] == "NetworkPolicy" for one in manifest):
        return
    for target, one in pods.items():
        for port in one.main.get("ports", []):
            for source in (*pods, "tools", "client"):
                wanted = flows(source, target, port["name"])
                if (ends := open_ends(manifest, source, target, port)) != (wanted, wanted):
                    yield f"{source} to {target}, {port['name']}: out {ends[0]}, in {ends[1]}, wanted {wanted}"


def flows(source: str, target: str, port: str) -> bool:
    """Whether there is something between these two on this port."""
    services = {name for topic in TOPICS.values() for name in (*topic.producers, *topic.consumers)} & {*SERVICES}
    return {
        "kafka": source in services | {"topics", "tools", "kafka"},
        "controller": source == "kafka",
        "redis": source in (*REDIS_CLIENTS, "tools"),
        "grpc": source == "client",
        "metrics": source == "prometheus",
        "http": (source, target) == ("grafana", "prometheus"),
    }.get(port, False)


RULES = (restricted, limited, probed, pinned, labelled, scraped, configured, whole, patient, separated, outward)
