"""The simulator through the whole program until two models are served."""

import json
from pathlib import Path

import pytest

from tests.system import driver

pytestmark = pytest.mark.system


def test_it_ends_once_two_models_are_served(tmp_path: Path) -> None:
    arguments = [
        *("run", "--feed", "sim", "--speed", "max", "--exit-after-models", "2", "--window", "1000", "--trials", "4"),
        # An order a second: 1,000 of them must span far more market than one is held for, or the purge leaves no rows.
        *("--orders-per-second", "1", "--summary", "s.json", "--data-dir", "data"),
    ]
    ended = driver.run(arguments, tmp_path, 150)
    assert ended.code == 0, ended.output + ended.errors
    assert ended.left == []
    summary = json.loads((tmp_path / "s.json").read_text())
    served = [model for model in summary["models"] if model["served"]]
    assert len(served) >= 2
    assert all(part is None or part["recall"] <= 1 for model in served for part in (model["validation"], model["test"]))
    assert summary["predictions"] >= 2
