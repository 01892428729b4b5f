"""All files by their place below `deploy/observability`, or below a run's folder for them."""

from collections.abc import Mapping
from importlib import resources

from tidewheel.observability.alerts import ALERTS
from tidewheel.observability.dashboards.all_dashboards import DASHBOARDS
from tidewheel.observability.grafana import dashboards_yaml, datasource_yaml
from tidewheel.observability.prometheus import kubernetes_config, local_config
from tidewheel.observability.recording import RECORDING_RULES
from tidewheel.observability.rules import rules_yaml

CLUSTER_PROMETHEUS = "http://prometheus:9090"
CLUSTER_DASHBOARDS = "/var/lib/grafana/dashboards"
SHIPPED = "tidewheel.observability.dashboards"


def prometheus_files() -> Mapping[str, str]:
    """What Prometheus reads, on one machine and in a cluster."""
    return {
        "prometheus/prometheus.yml": local_config(),
        "prometheus/prometheus-kubernetes.yml": kubernetes_config(),
        "prometheus/rules/recording.yml": rules_yaml("tidewheel-recording", RECORDING_RULES),
        "prometheus/rules/alerts.yml": rules_yaml("tidewheel-alerts", ALERTS),
    }


def dashboard_files() -> Mapping[str, str]:
    """Dashboards by `dashboards/<uid>.json`, in Grafana's Classic schema: as they were built, and ship."""
    return {
        f"dashboards/{dashboard.uid}.json": resources.files(SHIPPED).joinpath(f"{dashboard.uid}.json").read_text()
        for dashboard in DASHBOARDS
    }


def files() -> Mapping[str, str]:
    """Place -> text, of everything that is committed."""
    return {
        **prometheus_files(),
        **dashboard_files(),
        "provisioning/datasources/tidewheel.yml": datasource_yaml(CLUSTER_PROMETHEUS),
        "provisioning/dashboards/tidewheel.yml": dashboards_yaml(CLUSTER_DASHBOARDS),
    }
