"""What `trim.sh` leaves of packages in an image is enough for what services do with them."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tidy.tree import ROOT

TRIM = ROOT / "deploy" / "images" / "trim.sh"
PACKAGES = ("numpy", "pyarrow", "river", "scipy", "sqlalchemy")
# Each trimmed package at its work: what trainer, ingest and tools ask of it, through the modules that ask.
WORK = """
import sys
from pathlib import Path
import backtest.command, services.ingest.app, services.labeler.app, services.trainer.app, tidewheel.cli.export
import tidewheel.local.exporting, tidewheel.recordings.conversion, tidewheel.recordings.opening
import numpy as np, optuna, pyarrow as pa, pyarrow.compute, pyarrow.csv, pyarrow.parquet as pq, sqlalchemy.orm
from river import linear_model, optim

path = Path(sys.argv[2], "a")
pq.write_table(pa.table({"a": [1, 2]}), path, compression="zstd")
assert pq.ParquetFile(path).read().column("a").to_pylist() == pq.read_table(path).column("a").to_pylist() == [1, 2]
path.write_text("a,b\\n1,2.5\\n")
assert pa.csv.read_csv(path).to_pylist() == [{"a": 1, "b": 2.5}]
assert pa.compute.sum(pa.array([1, 2])).as_py() == 3
learner = linear_model.LogisticRegression(optim.SGD(0.1))
learner.learn_one({"x": 1.0}, True)
assert learner.predict_proba_one({"x": 1.0})[True] > 0.5
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=1))
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
assert np.isfinite(np.linalg.inv(np.random.default_rng(1).normal(size=(3, 3)))).all()
trimmed = {name: one for name, one in sys.modules.items() if name.partition(".")[0] in sys.argv[3:]}
places = [path for one in trimmed.values() if (path := getattr(one, "__file__", None))]
assert [path for path in places if not path.startswith(sys.argv[1])] == []
assert {*sys.argv[3:]} <= trimmed.keys()
"""


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed packages, trimmed, as hard links where the file system has them."""
    to: Path = tmp_path_factory.mktemp("trimmed")
    for package in PACKAGES:
        (source,) = find_spec(package).submodule_search_locations  # type: ignore[union-attr, misc]
        beside = [Path(source), *Path(source).parent.glob(f"{package}.libs")]
        for one in beside:
            shutil.copytree(one, to / one.name, copy_function=linked)
    subprocess.run(["sh", str(TRIM), str(to)], check=True)
    return to


def linked(source: str, to: str) -> None:
    try:
        os.link(source, to)
    except OSError:
        shutil.copy2(source, to)


def test_services_work_with_what_is_left(trimmed: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(trimmed), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", WORK, str(trimmed), str(tmp_path), *PACKAGES]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_what_is_left_is_less(trimmed: Path) -> None:
    left = [str(path.relative_to(trimmed)) for path in trimmed.rglob("*")]
    unused = ("/tests/", "/include/", "libarrow_flight", "libarrow_s3", "sqlalchemy/testing/", ".pxd", ".pyx")
    assert [path for path in left if any(part in path for part in unused)] == []
