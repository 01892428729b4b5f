"""What is generated and committed is what its sources give: protobuf code, settings, commands."""

import re
from pathlib import Path

import pytest

from tests.tidy.tree import ROOT
from tidewheel.cli import reference
from tidewheel.wire.generate import generate

COMMITTED = ROOT / "tidewheel" / "wire"


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*/*_pb2*")}


def test_generated_code_has_not_drifted(tmp_path: Path) -> None:
    generate(tmp_path)
    made = contents(tmp_path / "tidewheel" / "wire")
    assert made
    assert made == contents(COMMITTED), "run 'make generate'"


def test_every_proto_has_its_module() -> None:
    protos = {path.stem for path in (ROOT / "proto").rglob("*.proto")}
    modules = {re.sub(r"_pb2(_grpc)?\.pyi?$", "", name) for name in contents(COMMITTED)}
    assert protos == modules


@pytest.mark.parametrize("page", reference.PAGES)
def test_pages_have_not_drifted(page: str, tmp_path: Path) -> None:
    reference.generate(tmp_path)
    assert (tmp_path / page).read_text() == (ROOT / "docs" / page).read_text(), "run 'make generate'"
