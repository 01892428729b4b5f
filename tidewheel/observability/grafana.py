"""What Grafana is told of: our data source and where our dashboards lie, for its file provisioning and for its API."""

from typing import Any

from tidewheel.observability.rules import as_yaml

DATASOURCE_UID, DATASOURCE_NAME = "tidewheel", "Tidewheel"
FOLDER_UID = "tidewheel"
FOLDER_TITLE = "Tidewheel"


def datasource(url: str) -> dict[str, Any]:
    """Our Prometheus as a data source, at an address that Grafana itself reaches."""
    return {
        "uid": DATASOURCE_UID,
        "name": DATASOURCE_NAME,
        "type": "prometheus",
        "access": "proxy",
        "url": url,
        "jsonData": {"timeInterval": "5s", "httpMethod": "POST"},
    }


def datasource_yaml(url: str) -> str:
    """For `provisioning/datasources`."""
    return as_yaml({"apiVersion": 1, "datasources": [{**datasource(url), "editable": False}]})


def dashboards_yaml(folder: str) -> str:
    """For `provisioning/dashboards`. `folder`: where the dashboards lie as Grafana sees it."""
    provider = {
        "name": FOLDER_TITLE,
        "folder": FOLDER_TITLE,
        "folderUid": FOLDER_UID,
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": folder},
    }
    return as_yaml({"apiVersion": 1, "providers": [provider]})
