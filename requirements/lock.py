"""Lock every set of requirements with hashes and without any index address."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What is tested is `dev`; the other sets are parts of it, at the same versions.
TESTED = "dev"
EXTRAS = ("ingest", "orderbot", "labeler", "trainer", "predictor", "tools", "local", "onnx", "observe", "otel")
# Other stream processors, for `make bench-rivals`, other model servers, for `make bench-servers`, another client of
# venues, for `make bench-venues`, and a reader of files, for `make bench`: environments of their own, since they need
# other versions than ours.
RIVALS = ("quixstreams", "faust", "mlserver", "kserve", "ccxt", "polars")
# Clients of the open inference protocol that others wrote, for `make clients`: environments of their own likewise.
CLIENTS = ("tritonclient", "open_inference")
# What the images are built with.
BUILD = "build"
# What `make release` writes the bill of materials with, in an environment of its own.
RELEASE = "release"
COMPILE = (
    str(Path(sys.executable).parent / "uv"),
    *("pip", "compile", "-q", "--upgrade", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-annotate", "--custom-compile-command", "make lock"),
)


def lock(source: list[str], target: str) -> None:
    subprocess.run([*COMPILE, *source, "-o", f"requirements/{target}.txt"], cwd=ROOT, check=True)


lock(["requirements/bootstrap.in"], "bootstrap")
lock(["pyproject.toml", "--extra", TESTED], TESTED)
for extra in EXTRAS:
    lock(["pyproject.toml", "--extra", extra, "--constraint", f"requirements/{TESTED}.txt"], extra)
lock([f"requirements/{BUILD}.in", "--constraint", f"requirements/{TESTED}.txt"], BUILD)
lock([f"requirements/{RELEASE}.in", "--constraint", f"requirements/{TESTED}.txt"], RELEASE)
for rival in RIVALS:
    lock([f"requirements/rivals-{rival}.in"], f"rivals-{rival}")
for client in CLIENTS:
    lock([f"requirements/clients-{client}.in"], f"clients-{client}")
