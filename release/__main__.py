"""`python -m release`: sdist, wheel and bill of materials of the commit at hand, in `dist/`.

1. The commit's files are laid out in a folder of their own; files that are not committed are no part of a release.
2. sdist, and from it the wheel, by the locked setuptools of the development environment.
3. The wheel holds every file of the three packages, and the licence.
4. The wheel is installed into a new environment, over the locked packages of extra `local`, each checked by its hash.
5. `tidewheel run` makes and serves a model there, in a folder that knows nothing of the checkout.
6. The bill of materials says what that environment holds, with the jars of the broker.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from release.sbom import completed
from tidewheel.local.servers.jars import locked_jars

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
UV = Path(sys.executable).with_name("uv")
PACKAGES = ("tidewheel", "services", "backtest")
RUN = ("run", "--feed", "sim", "--speed", "max", "--exit-after-models", "1")
RUN_LIMIT_S = 900.0
# What would lead a process of the new environment back to this one.
OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")


class ReleaseError(Exception):
    """There is no release; the message says why in a line."""


def main() -> int:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    try:
        with tempfile.TemporaryDirectory(prefix="tidewheel-release-") as name:
            folder = Path(name)
            tree = committed(folder / f"tidewheel-{version}")
            wheel = built(tree, version)
            check_contents(wheel, tree)
            python = installed(wheel, folder / "environment")
            say(served(python, folder))
            bill(python, folder, version)
    except ReleaseError as failure:
        print(f"release: {failure}", file=sys.stderr)
        return 1
    sums = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(DIST.glob(f"*{version}*"))]
    (DIST / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    for line in sums:
        print(line)
    return 0


def say(words: str) -> None:
    print(f"release: {words}", flush=True)


def committed(folder: Path) -> Path:
    """The files of the commit at hand. Raises ReleaseError where the checkout has others."""
    if changed := command("git", "status", "--porcelain").splitlines():
        raise ReleaseError(f"{len(changed)} files are not as committed, {changed[0].strip()} among them; commit first")
    folder.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    say(f"commit {command('git', 'rev-parse', '--short', 'HEAD').strip()}")
    return folder


def built(tree: Path, version: str) -> Path:
    """sdist and wheel in `dist/`, and the wheel's path; dated by the commit, so that both can be made again."""
    shutil.rmtree(DIST, ignore_errors=True)
    dated = {"SOURCE_DATE_EPOCH": command("git", "log", "-1", "--format=%ct").strip()}
    options = (
        "-q",
        "--no-build-isolation",
        "--no-create-gitignore",
        "--python",
        sys.executable,
        "--out-dir",
        str(DIST),
    )
    command(str(UV), "build", *options, str(tree), folder=tree, more=dated)
    say(f"built {', '.join(sorted(path.name for path in DIST.iterdir()))}")
    return DIST / f"tidewheel-{version}-py3-none-any.whl"


def check_contents(wheel: Path, tree: Path) -> None:
    """Raises ReleaseError where a file of the packages, or the licence, is not in the wheel."""
    with ZipFile(wheel) as archive:
        packed = archive.namelist()
    wanted = (path for package in PACKAGES for path in (tree / package).rglob("*") if path.is_file())
    if left_out := missing((path.relative_to(tree).as_posix() for path in wanted), packed):
        raise ReleaseError(f"the wheel lacks {', '.join(left_out)}")
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in packed):
        raise ReleaseError("the wheel lacks the licence")
    say(f"the wheel holds {len(packed)} files")


def missing(wanted: Iterable[str], packed: Sequence[str]) -> list[str]:
    return sorted(set(wanted) - set(packed))


def installed(wheel: Path, environment: Path) -> Path:
    """A new environment with the wheel and the locked packages it needs; returns its Python."""
    python = environment_of("local", environment)
    command(str(UV), "pip", "install", "-q", "--no-deps", "--python", str(python), str(wheel))
    command(str(UV), "pip", "check", "-q", "--python", str(python))
    home = command(str(python), "-c", "import tidewheel; print(tidewheel.__file__)", folder=environment).strip()
    if not Path(home).is_relative_to(environment):
        raise ReleaseError(f"the new environment takes tidewheel from {home}")
    say("installed into a new environment, all packages by their hashes")
    return python


def environment_of(lock: str, folder: Path) -> Path:
    """A new environment of what a lock file names; returns its Python."""
    python = folder / "bin" / "python"
    command(str(UV), "venv", "-q", "--python", sys.executable, str(folder))
    packages = str(ROOT / "requirements" / f"{lock}.txt")
    command(str(UV), "pip", "sync", "-q", "--require-hashes", "--python", str(python), packages)
    return python


def served(python: Path, folder: Path) -> str:
    """Runs the whole system until a model is served, and says what came of it. Raises ReleaseError."""
    place = folder / "elsewhere"
    place.mkdir()
    program = str(python.with_name("tidewheel"))
    command(program, *RUN, "--summary", "summary.json", "--data-dir", "data", folder=place, limit_s=RUN_LIMIT_S)
    summary = json.loads((place / "summary.json").read_text())
    models = [model for model in summary["models"] if model["served"]]
    if not models:
        raise ReleaseError("the run ended and had served no model")
    return (
        f"tidewheel {' '.join(RUN)}: {summary['examples']:,} examples, {len(models)} served, "
        f"{summary['predictions']} predictions, restarts {sum(summary['restarts'].values())}, "
        f"{summary['wall_s']:.0f} s"
    )


def bill(python: Path, folder: Path, version: str) -> None:
    """Write the bill of materials of an environment."""
    tool = environment_of("release", folder / "tool").with_name("cyclonedx-py")
    draft = folder / "draft.json"
    options = ("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "-o", str(draft))
    command(str(tool), "environment", *options, str(python))
    document = completed(json.loads(draft.read_text()), locked_jars())
    text = json.dumps(document, indent=1) + "\n"
    if str(ROOT) in text or str(folder) in text:
        raise ReleaseError("the bill of materials names a folder of this machine")
    (DIST / f"tidewheel-{version}.cdx.json").write_text(text)
    say(f"CycloneDX {document['specVersion']}: {len(document['components'])} components")


def command(*words: str, folder: Path = ROOT, more: dict[str, str] | None = None, limit_s: float | None = None) -> str:
    """What a command prints. Raises ReleaseError with the last of its words where it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | (more or {})
    try:
        ended = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"{Path(words[0]).name} {words[1]} took longer than {limit_s:.0f} s") from None
    if ended.returncode != 0:
        last = "\n".join((ended.stdout + ended.stderr).splitlines()[-20:])
        raise ReleaseError(f"{Path(words[0]).name} {words[1]} ended with code {ended.returncode}:\n{last}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
