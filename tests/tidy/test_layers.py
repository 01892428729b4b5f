"""import-linter's contracts against planted breaches, and `make lint` as the one that reports them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.tree import PRODUCT, ROOT, tracked

LINT = Path(sys.executable).with_name("lint-imports")


def copy_of_the_product(folder: Path) -> Path:
    for path in tracked():
        if (path.startswith(PRODUCT) and path.endswith(".py")) or path == "pyproject.toml":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [str(LINT), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("path", "breach", "contract"),
    [
        ("tidewheel/domain/time.py", "import confluent_kafka", "the domain speaks of the problem only"),
        ("tidewheel/domain/time.py", "import os", "the domain speaks of the problem only"),
        ("services/labeler/core.py", "import tidewheel.runtime.kafka", "cores take values and return values"),
        ("services/labeler/open_orders.py", "import redis", "cores take values and return values"),
        ("services/labeler/core.py", "import services.orderbot.core", "services know nothing of one another"),
        ("services/trainer/learning/losses.py", "import services.trainer.search.tuning", "a window's way through"),
        ("services/predictor/models/model_slot.py", "import services.predictor.core", "a call's way through"),
        ("tidewheel/contracts/topics.py", "import tidewheel.runtime.kafka", "layers"),
        ("tidewheel/report/page.py", "import tidewheel.local.clock", "layers"),
        ("tidewheel/domain/time.py", "import services.labeler.barriers", "layers"),
        ("tidewheel/cli/models.py", "def f():\n    import services.trainer.rebuild", "layers"),
        ("services/ingest/app.py", "import backtest.plan", "layers"),
        ("services/labeler/app.py", "import tidewheel.local.clock", "a service needs neither the command line"),
        ("tidewheel/report/page.py", "import redis", "a report is drawn from values"),
    ],
)
def test_a_planted_import_is_found(path: str, breach: str, contract: str, tmp_path: Path) -> None:
    module = copy_of_the_product(tmp_path) / path
    module.write_text(f"{module.read_text()}\n{breach}\n")
    linted = lint(tmp_path)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    broken = [line for line in linted.stdout.splitlines() if line.endswith("BROKEN")]
    assert [line for line in broken if line.startswith(contract)]


def test_the_product_itself_keeps_its_contracts(tmp_path: Path) -> None:
    linted = lint(copy_of_the_product(tmp_path))
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_makefile_takes_the_linters_word() -> None:
    """A pipe would answer with the exit code of its last command: a breach would print, and pass."""
    recipe = [line for line in (ROOT / "Makefile").read_text().splitlines() if "lint-imports" in line]
    assert recipe
    assert [line for line in recipe if "|" in line.replace("||", "")] == []
