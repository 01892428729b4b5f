"""Another release of ours on the cluster: the same manifests with its images."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.deploy.manifests import SERVICES


def of_release(tag: str, overlay: Path, folder: Path) -> Path:
    """A kustomization in `folder`: the overlay, with our images of that tag."""
    images = "".join(f"  - {{name: localhost/tidewheel-{one}, newTag: {tag}}}\n" for one in (*SERVICES, "tools"))
    text = f"resources: [{os.path.relpath(overlay, folder)}]\nimages:\n{images}"
    (folder / "kustomization.yaml").write_text(text)
    return folder


def images_of(pods: Iterable[Any]) -> set[str]:
    """What pods run, and what ran before it in them."""
    specs = [pod["spec"] for pod in pods]
    return {one["image"] for spec in specs for one in [*spec.get("initContainers", []), *spec["containers"]]}
