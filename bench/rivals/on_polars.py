"""A recorded file read by polars, one thread, as floats and without any check; needs nothing of ours."""

import json
import sys
import time
from importlib.metadata import version

import polars


def main() -> None:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    frame = polars.read_csv(sys.argv[1])
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    figures = {"rows_per_s_cpu": round(len(frame) / cpu_s), "rows_per_s": round(len(frame) / wall_s)}
    print(json.dumps({**figures, "version": version("polars")}))


if __name__ == "__main__":
    main()
