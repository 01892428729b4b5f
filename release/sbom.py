"""The bill of materials: what the tool finds in an environment, and the jars that are fetched at the first run.

Values in, values out; CycloneDX is JSON here and nothing more.
"""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
LOCAL_FILE = "file:"


def completed(document: Document, jars: Mapping[str, str]) -> Document:
    """The tool's document with Kafka's jars, and without addresses that only this machine knows.

    `jars`: Maven coordinate `group:artifact:version` -> sha256 in hex.
    """
    own = [_public(component) for component in document.get("components", [])]
    described = {**document, "components": [*own, *(jar(*item) for item in jars.items())]}
    if root := document.get("metadata", {}).get("component"):
        described["metadata"] = {**document["metadata"], "component": _public(root)}
    return described


def jar(coordinate: str, sha256: str) -> Document:
    """A jar as a component."""
    group, artifact, version = coordinate.split(":")
    purl = f"pkg:maven/{group}/{artifact}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "group": group,
        "name": artifact,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "purl": purl,
    }


def _public(component: Document) -> Document:
    references = [
        reference
        for reference in component.get("externalReferences", [])
        if not reference["url"].startswith(LOCAL_FILE)
    ]
    rest = {name: value for name, value in component.items() if name != "externalReferences"}
    return {**rest, "externalReferences": references} if references else rest
