"""What a release is made of: every file of the packages is packed, and the bill of materials names no machine."""

import tomllib
from fnmatch import fnmatch
from pathlib import PurePath

from release.__main__ import PACKAGES, missing
from release.sbom import completed
from tests.tidy.tree import ROOT, tracked
from tidewheel.local.servers.jars import locked_jars

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_file_of_the_packages_is_packed() -> None:
    patterns = ["*.py", *PROJECT["tool"]["setuptools"]["package-data"]["*"]]
    files = [path for path in tracked() if path.split("/")[0] in PACKAGES]
    assert [path for path in files if not any(fnmatch(PurePath(path).name, pattern) for pattern in patterns)] == []
    folders = {str(PurePath(path).parent) for path in files}
    assert [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in files] == []


def test_a_file_that_is_not_packed_is_named() -> None:
    assert missing(["tidewheel/a.lua", "tidewheel/b.py"], ["tidewheel/b.py", "x/METADATA"]) == ["tidewheel/a.lua"]


def test_the_licence_is_named_and_there() -> None:
    project = PROJECT["project"]
    assert project["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_bill_has_the_jars_and_no_file_of_this_machine() -> None:
    found = {
        "specVersion": "1.6",
        "metadata": {"component": {"name": "tidewheel", "externalReferences": [{"url": "file:///a", "type": "x"}]}},
        "components": [
            {"name": "a", "externalReferences": [{"url": "file:///a.whl", "type": "distribution"}]},
            {"name": "b", "externalReferences": [{"url": "https://b.example", "type": "website"}]},
        ],
    }
    document = completed(found, {"org.apache.kafka:kafka_2.13:4.3.1": "0" * 64})
    assert document["metadata"]["component"] == {"name": "tidewheel"}
    assert document["components"][:2] == [{"name": "a"}, found["components"][1]]  # type: ignore[index]
    jar = document["components"][2]
    assert jar["purl"] == "pkg:maven/org.apache.kafka/kafka_2.13@4.3.1"
    assert jar["hashes"] == [{"alg": "SHA-256", "content": "0" * 64}]
    assert len(completed(found, locked_jars())["components"]) == 2 + len(locked_jars())
