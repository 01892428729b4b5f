"""Prometheus' own configuration: where services are found, and which rules hold."""

from collections.abc import Mapping
from typing import Any

from tidewheel.observability.rules import EVALUATION_INTERVAL, as_yaml

SCRAPE_INTERVAL = "5s"
RULE_FILES = ["rules/recording.yml", "rules/alerts.yml"]
TARGETS_FILE = "targets.json"
# Beyond that a service shows more than it can: something is wrong with its labels.
SAMPLES_MAX = 40_000


def local_config() -> str:
    """For one machine: who is there stands in a file beside it, which may change at any time."""
    return _config({"job_name": "tidewheel", "file_sd_configs": [{"files": [TARGETS_FILE], "refresh_interval": "5s"}]})


def kubernetes_config() -> str:
    """For a cluster: pods that say so by the usual annotation, at their port `metrics`, one target each. The job is the
    component's name, as on one machine."""
    pod = "__meta_kubernetes_pod"
    return _config(
        {
            "job_name": "tidewheel",
            "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"own_namespace": True}}],
            "relabel_configs": [
                {
                    "source_labels": [f"{pod}_annotation_prometheus_io_scrape", f"{pod}_container_port_name"],
                    "regex": "true;metrics",
                    "action": "keep",
                },
                {"source_labels": [f"{pod}_label_app_kubernetes_io_component"], "target_label": "job"},
                {"source_labels": [f"{pod}_name"], "target_label": "instance"},
            ],
        }
    )


def targets(addresses: Mapping[str, str]) -> list[dict[str, Any]]:
    """What stands in the targets file, as JSON. `addresses`: job -> host:port of those that are to be asked."""
    return [{"targets": [address], "labels": {"job": job}} for job, address in addresses.items()]


def _config(scrape: Mapping[str, Any]) -> str:
    return as_yaml(
        {
            "global": {"scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": EVALUATION_INTERVAL},
            "rule_files": RULE_FILES,
            "scrape_configs": [{**scrape, "sample_limit": SAMPLES_MAX, "scrape_timeout": "4s"}],
        }
    )
