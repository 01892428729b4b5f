"""Generate the code beside this file from `proto/`. The output is committed; a test checks that it has not drifted."""

import re
import sys
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def generate(out: Path) -> None:
    """Write `tidewheel/wire/*/*_pb2*.py[i]` below `out`. Raises RuntimeError where protoc refuses."""
    from grpc_tools import protoc  # noqa: PLC0415 - a tool of developers, absent where services run

    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto"))
    served = [name for name in protos if re.search(r"^service ", (ROOT / "proto" / name).read_text(), re.MULTILINE)]
    plain = [name for name in protos if name not in served]
    include = [f"-I{ROOT / 'proto'}", f"-I{files('grpc_tools') / '_proto'}"]
    outputs = [f"--python_out={out}", f"--pyi_out={out}"]
    for names, extra in ((plain, []), (served, [f"--grpc_python_out={out}"])):
        if protoc.main(["protoc", *include, *outputs, *extra, *names]) != 0:
            raise RuntimeError("protoc failed; its words stand above")


if __name__ == "__main__":
    generate(ROOT)
    sys.exit(0)
