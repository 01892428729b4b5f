"""The rules of this code base as functions: a source in, sentences about breaches out.

A rule that is not executed is a wish: `test_tidy.py` runs each over the tree, `test_planted.py` shows that each can
fail. If a rule stands in your way, change it here in the same commit and say why.
"""

import ast
import builtins
import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch

from tests.tidy.tree import PRODUCT, Source, dotted, full_names, imports

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
FILE_BYTES_MAX = 1_500_000

# Everything in a service is pure unless it stands here: the shells, which poll, produce, commit, measure, serve.
SERVICE_SHELLS = (
    "services/*/__init__.py",
    "services/*/__main__.py",
    *(f"services/*/{name}.py" for name in ("app", "metrics", "settings")),
    *("services/orderbot/faust_app.py", "services/labeler/traces.py", "services/trainer/runs/traces.py"),
    *(f"services/ingest/{name}.py" for name in ("instrument_feed", "kafka_log", "market_events_file", "publisher")),
    *("services/ingest/live_queue.py", "services/ingest/sources/live.py"),
    *(f"services/trainer/{name}.py" for name in ("rebuild", "worker")),
    *(f"services/trainer/{name}.py" for name in ("runs/events", "runs/ledger", "runs/log", "windows/scratch_file")),
    *(f"services/predictor/{name}.py" for name in ("background", "server", "servicer", "watch_model")),
    *(f"services/predictor/models/{name}.py" for name in ("follower", "model_copies", "refused_models", "watcher")),
    *(f"services/predictor/served/{name}.py" for name in ("parity_reader", "served_log", "shadow_watcher")),
    *(f"services/predictor/{name}.py" for name in ("market/market_reader", "trust/procedure_watcher")),
    *("services/predictor/rpc/*.py", "services/predictor/open_inference/kept_models.py"),
    "services/predictor/open_inference/service.py",
)
SERVICE_MODULES = ("__main__", "app", "core", "settings", "metrics")
PURE = (
    "tidewheel/domain/*.py",
    "tidewheel/recordings/*.py",
    "tidewheel/contracts/invariants/*.py",
    "tidewheel/report/*.py",
    "services/*/core.py",
    "tidewheel/runtime/backoff.py",
    *(
        f"tidewheel/venues/{name}.py"
        for name in (
            *("adapter", "binance", "catalogue", "clock_skew", "coinbase", "connection_life", "frame_log", "frames"),
            *("intake", "kraken", "live_clock", "okx", "parsing", "rows", "symbol_state", "waits"),
        )
    ),
)
# What a pure module may not import: the outside world, its clocks, its chance and its words to people.
IMPURE = (
    *("aiokafka", "confluent_kafka", "faust", "grpc", "grpc_health", "grpc_reflection", "mode", "prometheus_client"),
    *("redis", "asyncio", "logging", "multiprocessing", "os", "random", "secrets", "socket", "subprocess", "threading"),
    *("time", "uuid", "websockets"),
    *("tidewheel.cli", "tidewheel.local", "tidewheel.registry", "tidewheel.runtime", "tidewheel.telemetry"),
)
# Values and types that live beside the outside world.
PURE_ANYWAY = ("tidewheel.registry.pointer", "tidewheel.runtime.backoff", "tidewheel.telemetry.logs.Log")
# The domain is the language of the problem: the standard library, numpy, and itself.
DOMAIN_IMPORTS = ("numpy", "tidewheel.domain")
WALL_CLOCK = re.compile(
    r"time\.(time|time_ns)|datetime\.(datetime\.)?(now|utcnow|today)|datetime\.date\.today|"
    r"pandas\.Timestamp\.now"
)
WALL_CLOCK_ALLOWED = (
    "tidewheel/cli/*",
    "tidewheel/local/clock.py",
    "tidewheel/telemetry/tracing/otlp.py",
    "services/ingest/app.py",
    "services/trainer/app.py",
    "services/predictor/app.py",
    "tests/*",
    "bench/*",
    "preview/*",
)
ENVIRONMENT = re.compile(r"os\.(environ|environb|getenv|putenv|unsetenv)")
# The trainer's `__main__` pins the threads of numpy, the predictor's silences grpc: both read that once, when loaded.
ENVIRONMENT_ALLOWED = (
    *("tidewheel/runtime/process.py", "tidewheel/local/*", "services/trainer/__main__.py", "tests/*", "bench/*"),
    *("release/*", "services/predictor/__main__.py"),
)
# The server of health is the library's loop, and answers nobody once it is dead: that is seen from outside.
# Threads that answer calls log what grpc's wrapper of a call raises, and take the next one.
THREADS_ALLOWED = (
    *("tidewheel/runtime/background.py", "tidewheel/runtime/health.py"),
    "services/predictor/rpc/pool.py",
)
ERROR_ROOT = "TidewheelError"
PRINT_ALLOWED = (
    *("tidewheel/cli/*", "tidewheel/local/servers/jars.py", "bench/*", "release/*", "preview/*"),
    *(
        "tests/late_requests.py",
        "tests/proxy/torn.py",
        "tests/model_swaps.py",
        "tests/registry_damage/__main__.py",
        "tests/cluster/__main__.py",
        "tests/cluster/pods/*",
        "tests/soak.py",
        "tests/venues/soak.py",
        "tests/foreign_clients/*",
        "tests/system/verify_recorded.py",
        "tests/system/chaos/__main__.py",
    ),
)
# A program that calls at a rate, on a cluster.
PACED = ("tests/cluster/pods/caller.py",)
ORACLE = ("tests/oracle.py", "tests/oracle_values.py")
ORACLE_IMPORTS = ("numpy", "tests.oracle_values")
# Besides functions called `assert_…`: `eventually` fails where what it waits for does not come.
ASSERTING = ("raises", "fail", "warns", "eventually")
# Tests that may reach into what they test, and for which of its names.
PRIVATE_ALLOWED: dict[str, tuple[str, ...]] = {
    # A mutant is a fault inside.
    **dict.fromkeys(("tests/simulation/mutants.py", "tests/simulation/mutations.py"), ("_*",)),
    "tests/properties/test_labeler_restarts.py": ("_*",),
    "tests/integration/test_trainer*.py": ("_repeated",),
    # The steps of a transaction one at a time, and a call that hangs in the middle of one.
    "tests/integration/test_transactional_loop.py": ("_begin", "_commit", "_abort_and_retry", "_consumer"),
    "tests/integration/test_labeler.py": ("_commit", "_rewind"),
    "tests/integration/test_late_requests.py": ("_drain_log",),
    # How many arrays there are decides speed and memory, and shows in no result.
    "tests/unit/labeler/test_open_orders.py": ("_*",),
    "tests/properties/test_scratch_windows.py": ("_open", "_chunks", "_remembered", "_skipped"),
    # Libraries: what psutil takes for a process, and a wait for aiokafka's sender.
    "tests/unit/chaos/test_driver.py": ("_ident",),
    "tests/integration/test_orderbot.py": ("_producer",),
}
PUBLIC_ANYWAY = ("_replace", "_asdict", "_fields", "_make")  # of named tuples
PATCHES = ("setattr", "delattr", "object")  # monkeypatch.setattr, patch.object
# Spelled in parts, so that this file does not breach its own rules.
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(wo" + r"rk|fa" + r"rm|ro" + r"ot|ho" + r"me)/")


def allowed(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def within(name: str, roots: Iterable[str]) -> bool:
    """Whether a dotted name is one of the roots or below it."""
    return any(name == root or name.startswith(root + ".") for root in roots)


def pure(source: Source) -> bool:
    if allowed(source.path, PURE):
        return True
    return source.path.startswith("services/") and not allowed(source.path, SERVICE_SHELLS)


def purity(source: Source) -> Iterator[str]:
    """Cores take values and return values: no Kafka, Redis, gRPC, clock, environment, chance or log."""
    if not pure(source):
        return
    for line, name in imports(source):
        if within(name, IMPURE) and not within(name, PURE_ANYWAY):
            yield f"{source.path}:{line} is pure and imports {name}"
    for line, name in full_names(source):
        if name.startswith("numpy.random.") and name.split(".")[2] not in ("default_rng", "Generator", "PCG64"):
            yield f"{source.path}:{line} is pure and draws from {name}"


def unseeded(source: Source) -> Iterator[str]:
    """Randomness comes from a generator with a stated seed."""
    if not source.path.startswith(PRODUCT):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("default_rng", "Random", "PCG64"):
                yield f"{source.path}:{node.lineno} makes a generator without a seed"


def metrics_in_one_place(source: Source) -> Iterator[str]:
    """What a service records stands in its `metrics.py`."""
    if not source.path.startswith("services/") or source.path.endswith("/metrics.py"):
        return
    for line, name in imports(source):
        if within(name, ("tidewheel.telemetry.metrics",)):
            yield f"{source.path}:{line} records by itself: that is for the service's metrics.py"


def domain_imports(source: Source) -> Iterator[str]:
    """The domain knows the standard library and numpy only."""
    if not source.path.startswith("tidewheel/domain/"):
        return
    for line, name in imports(source):
        if not within(name, DOMAIN_IMPORTS) and name.split(".")[0] not in sys.stdlib_module_names:
            yield f"{source.path}:{line} is domain and imports {name}"


def wall_clock(source: Source) -> Iterator[str]:
    """Time is an argument; only named shells ask the machine what time it is."""
    if allowed(source.path, WALL_CLOCK_ALLOWED):
        return
    for line, name in full_names(source):
        if WALL_CLOCK.fullmatch(name):
            yield f"{source.path}:{line} reads the wall clock with {name}"


def environment(source: Source) -> Iterator[str]:
    """Settings are built once from the environment; nothing else looks at it."""
    if allowed(source.path, ENVIRONMENT_ALLOWED):
        return
    for line, name in full_names(source):
        if ENVIRONMENT.fullmatch(name):
            yield f"{source.path}:{line} uses {name}"


def lengths(source: Source) -> Iterator[str]:
    """A module and a function can be read in one sitting."""
    lines = len(source.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield f"{source.path} has {lines} lines, at most {MODULE_LINES_MAX}"
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"{source.path}:{node.lineno} {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"


def error_root(source: Source) -> Iterator[str]:
    """What this code raises of its own derives from `TidewheelError`, and its name ends in Error."""
    if not source.path.startswith(("tidewheel/", "services/")):
        return
    classes = [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    own = {node.name for node in classes}
    own |= {name.rpartition(".")[2] for _, name in imports(source) if within(name, ("tidewheel", "services"))}
    for node in classes:
        errors = {name for base in node.bases if _is_error(name := dotted(base).rpartition(".")[2])}
        if not errors or node.name == ERROR_ROOT:
            continue
        if not node.name.endswith("Error"):
            yield f"{source.path}:{node.lineno} {node.name} is an exception and does not end in Error"
        elif not errors & own:
            yield f"{source.path}:{node.lineno} {node.name} does not derive from {ERROR_ROOT}"


def _is_error(name: str) -> bool:
    known = getattr(builtins, name, None)
    if isinstance(known, type):  # what is no Exception, as KeyboardInterrupt, is a signal's and no error
        return issubclass(known, Exception)
    return name.endswith(("Error", "Exception"))


def prints(source: Source) -> Iterator[str]:
    """Words for people go through the log or the command line."""
    if allowed(source.path, PRINT_ALLOWED):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{source.path}:{node.lineno} prints"


def one_thread_class(source: Source) -> Iterator[str]:
    """A thread's failure is seen by whoever depends on it: `BackgroundThread` keeps it."""
    if not source.path.startswith(("tidewheel/", "services/")) or source.path in THREADS_ALLOWED:
        return
    for line, name in full_names(source):
        if name == "threading.Thread":
            yield f"{source.path}:{line} makes a thread of its own"


def sleeps_in_tests(source: Source) -> Iterator[str]:
    """A test waits for what it waits for, not for a time."""
    if not source.path.startswith("tests/") or source.path in PACED:
        return
    for line, name in full_names(source):
        if name in ("time.sleep", "asyncio.sleep"):
            yield f"{source.path}:{line} sleeps"


def assertion_free_tests(source: Source) -> Iterator[str]:
    """A test that asserts nothing, itself or through a function of its module, tests nothing."""
    if not source.path.rpartition("/")[2].startswith("test_"):
        return
    functions = {node.name: node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef)}
    asserting = {name for name, node in functions.items() if any(map(_asserts, ast.walk(node)))}
    while more := {name for name, node in functions.items() if name not in asserting and _calls(node) & asserting}:
        asserting |= more
    for name, node in functions.items():
        if name.startswith("test_") and name not in asserting:
            yield f"{source.path}:{node.lineno} {name} asserts nothing"


def private_attributes(source: Source) -> Iterator[str]:
    """A test knows what it tests from outside. Underscored names of its own module are its own; so are a client
    library's error codes."""
    if not source.path.startswith("tests/"):
        return
    granted = [name for place, names in PRIVATE_ALLOWED.items() if fnmatch(source.path, place) for name in names]
    own = {node.name for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    own |= {*PUBLIC_ANYWAY} | {
        node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute) and _of_self(node)
    }
    for node in ast.walk(source.tree):
        name = _reached(node)
        if name.startswith("_") and not name.startswith("__") and name not in own and not allowed(name, granted):
            yield f"{source.path}:{node.lineno} reaches into {name}"  # type: ignore[attr-defined]


def _of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def _reached(node: ast.AST) -> str:
    """The name of an attribute that is read, set or patched; empty where it is a constant of KafkaError."""
    if isinstance(node, ast.Attribute):
        return "" if isinstance(node.value, ast.Name) and node.value.id == "KafkaError" else node.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PATCHES:
        names = [one.value for one in node.args[1:2] if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return names[0] if names else ""
    return ""


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return called in ASSERTING or called.startswith("assert_")


def _calls(function: ast.FunctionDef) -> set[str]:
    return {n.func.id for n in ast.walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def oracle_is_independent(source: Source) -> Iterator[str]:
    """The judge of the services shares no code with them."""
    if source.path not in ORACLE:
        return
    for line, name in imports(source):
        if not within(name, ORACLE_IMPORTS) and name.split(".")[0] not in sys.stdlib_module_names:
            yield f"{source.path}:{line} imports {name}: the judge knows nothing of what it judges"


def leftovers(path: str, text: str) -> Iterator[str]:
    """What is to be done stands in an issue, not in the code."""
    for number, line in enumerate(text.splitlines(), start=1):
        if LEFTOVER.search(line):
            yield f"{path}:{number} has a leftover: {line.strip()[:60]}"


def machine_paths(path: str, text: str) -> Iterator[str]:
    """Nothing tracked names a path of the machine it was written on."""
    for number, line in enumerate(text.splitlines(), start=1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number} names a path of a machine: {line.strip()[:60]}"


def same_names(paths: Iterable[str]) -> Iterator[str]:
    """Whoever knows one service knows where to look in all: its start, shell, pure core, settings and metrics."""
    known = set(paths)
    for service in sorted({path.split("/")[1] for path in known if re.match(r"services/\w+/", path)}):
        for name in SERVICE_MODULES:
            if f"services/{service}/{name}.py" not in known:
                yield f"services/{service} has no {name}.py"


def sizes(path: str, size: int) -> Iterator[str]:
    """Data and binaries stay out of the repository."""
    if size > FILE_BYTES_MAX:
        yield f"{path} has {size} bytes, at most {FILE_BYTES_MAX}"


def orphans(sources: Iterable[Source], entry_points: Iterable[str]) -> Iterator[str]:
    """Modules that nothing of the product imports, names or starts."""
    sources = tuple(sources)
    product = [s for s in sources if s.path.startswith(PRODUCT)]
    used = set(entry_points)
    for source in product:
        names = {name for _, name in imports(source)}
        # Modules named in text, as in `tidewheel.cli.run:run`.
        constants = (n.value for n in ast.walk(source.tree) if isinstance(n, ast.Constant))
        names |= {text.partition(":")[0] for text in constants if isinstance(text, str)}
        used |= {part for name in names if name != source.module for part in (name, name.rpartition(".")[0])}
    for source in product:
        name = source.path.rpartition("/")[2]
        if source.module not in used and name not in ("__init__.py", "__main__.py"):
            yield f"{source.path} is imported from nowhere and no entry point"
