"""Each rule against a planted breach and its innocent twin: proof that it can fail, and that it need not."""

from collections.abc import Callable, Iterator

import pytest

from tests.tidy import citations, rules, test_tidy
from tests.tidy.tree import Source

Rule = Callable[[Source], Iterator[str]]
LONG = "def f():\n" + "    pass\n" * rules.FUNCTION_LINES_MAX
CORE, SHELL = "services/labeler/core.py", "services/labeler/__main__.py"

PLANTED: list[tuple[Rule, str, str, str]] = [
    # rule, path, breach, innocent twin
    (rules.purity, CORE, "import confluent_kafka", "import bisect"),
    (rules.purity, CORE, "from time import monotonic", "from tidewheel.domain.time import day_of"),
    (rules.purity, CORE, "def f():\n    import os", "def f():\n    import math"),
    (
        rules.purity,
        CORE,
        "from tidewheel.runtime import kafka",
        "from tidewheel.contracts.invalid_record import InvalidRecordError",
    ),
    (rules.purity, "services/labeler/open_orders.py", "import logging", "import heapq"),
    (rules.purity, "tidewheel/domain/time.py", "import redis", "import re"),
    (rules.purity, "tidewheel/report/page.py", "import time", "import html"),
    (
        rules.purity,
        CORE,
        "import numpy as np\nx = np.random.rand()",
        "import numpy as np\nx = np.random.default_rng(1)",
    ),
    (
        rules.unseeded,
        CORE,
        "import numpy as np\nx = np.random.default_rng()",
        "import numpy as np\nx = np.random.default_rng(7)",
    ),
    (
        rules.metrics_in_one_place,
        "services/labeler/app.py",
        "from tidewheel.telemetry import metrics",
        "from services.labeler import metrics",
    ),
    (rules.domain_imports, "tidewheel/domain/orders.py", "import click", "import numpy.typing\nimport dataclasses"),
    (
        rules.domain_imports,
        "tidewheel/domain/orders.py",
        "from tidewheel.wire.v1 import x",
        "from tidewheel.domain import time",
    ),
    (rules.wall_clock, CORE, "import time\nx = time.time()", "import time\nx = time.monotonic()"),
    (rules.wall_clock, CORE, "from time import time_ns as t\nx = t()", "t = 1\nx = t"),
    (
        rules.wall_clock,
        CORE,
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import datetime\nx = datetime(1, 1, 1)",
    ),
    (
        rules.wall_clock,
        CORE,
        "import datetime\nx = datetime.datetime.now(datetime.UTC)",
        "import datetime\nx = datetime.UTC",
    ),
    (rules.environment, CORE, "import os\nx = os.environ['A']", "import os\nx = os.sep"),
    (rules.environment, CORE, "from os import environ\nx = environ.get('A')", "environ = {}\nx = environ.get('A')"),
    (rules.environment, CORE, "import os\nx = os.getenv('A')", "import os\nx = os.getpid()"),
    (rules.lengths, CORE, "x = 1\n" * (rules.MODULE_LINES_MAX + 1), "x = 1\n" * rules.MODULE_LINES_MAX),
    (rules.lengths, CORE, LONG, LONG.removesuffix("    pass\n")),
    (
        rules.error_root,
        CORE,
        "class LateError(Exception):\n    pass",
        "from tidewheel.domain.errors import TidewheelError\nclass LateError(TidewheelError):\n    pass",
    ),
    (
        rules.error_root,
        SHELL,
        "from confluent_kafka import KafkaException\nclass LateError(KafkaException, ValueError):\n    pass",
        "class AError(A):\n    pass\nclass LateError(AError, ValueError):\n    pass",
    ),
    (
        rules.error_root,
        CORE,
        "from tidewheel.domain.errors import TidewheelError\nclass Late(TidewheelError):\n    pass",
        "class Late(KeyboardInterrupt):\n    pass",
    ),
    (rules.prints, SHELL, "print('x')", "pprint('x')"),
    (
        rules.one_thread_class,
        SHELL,
        "import threading\nx = threading.Thread(target=f)",
        "import threading\nx = threading.Event()",
    ),
    (rules.sleeps_in_tests, "tests/test_x.py", "import time\ntime.sleep(1)", "import time\ntime.monotonic()"),
    (rules.sleeps_in_tests, "tests/x.py", "from time import sleep\nsleep(1)", "from x import sleep\nsleep(1)"),
    (rules.assertion_free_tests, "tests/test_x.py", "def test_x():\n    f()", "def test_x():\n    assert f()"),
    (
        rules.assertion_free_tests,
        "tests/test_x.py",
        "def f():\n    pass\ndef test_x():\n    f()",
        "def g():\n    assert 1\ndef f():\n    g()\ndef test_x():\n    f()",
    ),
    (
        rules.assertion_free_tests,
        "tests/test_x.py",
        "def test_x():\n    f.asserts()",
        "def test_x():\n    f.assert_x()",
    ),
    (rules.oracle_is_independent, "tests/oracle.py", "from tidewheel.domain import time", "import numpy"),
    (rules.private_attributes, "tests/test_x.py", "assert loop._open == 1", "assert loop.open == 1"),
    (rules.private_attributes, "tests/x.py", "loop._open = 1", "class X:\n    def f(self):\n        self._open = 1"),
    (rules.private_attributes, "tests/x.py", "patch.object(Loop, '_turn', f)", "patch.object(Loop, 'turn', f)"),
    (rules.private_attributes, "tests/x.py", "monkeypatch.setattr(loop, '_turn', f)", "x = KafkaError._STATE"),
    (rules.oracle_is_independent, "tests/oracle.py", "def f():\n    import services.labeler", "import gzip"),
]


@pytest.mark.parametrize(("rule", "path", "breach", "twin"), PLANTED)
def test_a_breach_is_found_and_its_twin_is_not(rule: Rule, path: str, breach: str, twin: str) -> None:
    assert len(list(rule(Source(path, breach)))) == 1
    assert list(rule(Source(path, twin))) == []


def test_every_rule_has_a_planted_breach() -> None:
    assert {rule for rule, *_ in PLANTED} == set(test_tidy.SOURCE_RULES)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (rules.prints, "tidewheel/cli/run.py", "print('x')"),
        (rules.wall_clock, "tidewheel/local/clock.py", "import time\nx = time.time_ns()"),
        (rules.environment, "tidewheel/runtime/process.py", "import os\nx = os.environ"),
        (rules.purity, SHELL, "import confluent_kafka"),
        (rules.purity, "services/predictor/models/model_slot.py", "from tidewheel.registry.pointer import Pointer"),
        (rules.private_attributes, "tests/simulation/mutants.py", "patch.object(Loop, '_turn', f)"),
        (rules.lengths, CORE, "x = 1"),
    ],
)
def test_shells_may(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text))) == []


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "X" + "XX"])
def test_leftovers_are_found(word: str) -> None:
    assert len(list(rules.leftovers("a.py", f"x = 1\n# {word}: mend\n"))) == 1
    assert list(rules.leftovers("a.py", f"x = 'mas{word}s'\n")) == []


@pytest.mark.parametrize("top", ["wo" + "rk", "fa" + "rm", "ro" + "ot", "ho" + "me"])
def test_machine_paths_are_found(top: str) -> None:
    assert len(list(rules.machine_paths("a.md", f"see /{top}/data"))) == 1
    assert list(rules.machine_paths("a.md", f"see net{top}/data and ../{top}/x, a/{top}/b")) == []


def test_documents_that_are_not_here_are_found() -> None:
    assert len(list(citations.elsewhere("a.py", "# see DES" + "IGN, section 3"))) == 1
    assert list(citations.elsewhere("a.py", "# see design, DES" + "IGNS and what is designed")) == []


WRITTEN = """# Rules

## Market seconds

### Day's mids

Held by: `a/b.py`, `a/c.lua`; `tests/test_b.py`
"""


@pytest.mark.parametrize(
    ("path", "citation", "breaches"),
    [
        ("a.py", '# as {}, "Market seconds"', 0),
        ("a.py", '# as {},\n    # "Market seconds" and\n# "Day\'s mids" have it', 0),
        ("a.sql", '-- {}, "Market seconds" to "Day\'s mids"', 0),
        ("a.md", "[rules]({}), [mids]({}#days-mids)", 0),
        ("a.py", "# as {} has it", 1),
        ("a.py", '# as {}, "Market second"', 1),
        ("a.py", '# as {}, "Market seconds", "Night" and "Dawn"', 2),
        ("a.md", 'as {}, "Night"', 1),
        ("a.md", "[mids]({}#mids)", 1),
        ("a.md", "[mids](#mids)", 0),
        (citations.RULES, "[mids](#mids)", 1),
    ],
)
def test_a_section_that_is_not_there_is_found(path: str, citation: str, breaches: int) -> None:
    text = citation.replace("{}", citations.RULES)
    assert len(list(citations.cited_sections(path, text, WRITTEN))) == breaches


def test_a_decision_that_is_not_there_is_found() -> None:
    paths = ["docs/adr/0007-x.md", "docs/adr/README.md"]
    assert len(list(citations.cited_decisions("a.py", "# ADR" + " 8 and ADR" + " 70", paths))) == 2
    assert list(citations.cited_decisions("a.py", "# ADR 7, an ADR", paths)) == []


@pytest.mark.parametrize(
    ("spoilt", "by"),
    [
        ("`a/b.py`", "`a/x.py`"),
        ("`tests/test_b.py`", "`tests/test_x.py`"),
        ("`a/b.py`, `a/c.lua`", ""),
        ("; `tests/test_b.py`", ""),
        ("`tests/test_b.py`", "`a/b.py`"),
        ("Held by", "By"),
        ("test_b.py`\n", "test_b.py`\n\nAnd more.\n"),
    ],
)
def test_a_section_that_nothing_holds_is_found(spoilt: str, by: str) -> None:
    paths = ["a/b.py", "a/c.lua", "tests/test_b.py"]
    assert list(citations.held_by(WRITTEN, paths)) == []
    assert list(citations.held_by(WRITTEN.replace(spoilt, by), paths))


def test_a_service_without_a_module_that_all_have_is_found() -> None:
    paths = [f"services/a/{name}.py" for name in rules.SERVICE_MODULES]
    assert list(rules.same_names(["services/__init__.py", *paths])) == []
    for path in paths:
        assert len(list(rules.same_names(["services/a/x.py", *(each for each in paths if each != path)]))) == 1


def test_large_files_are_found() -> None:
    assert len(list(rules.sizes("a.bin", rules.FILE_BYTES_MAX + 1))) == 1
    assert list(rules.sizes("a.bin", rules.FILE_BYTES_MAX)) == []


def test_orphans_are_found() -> None:
    def tree(first: str) -> list[str]:
        return list(
            rules.orphans(
                [
                    Source("services/a/__main__.py", first),
                    Source("services/a/core.py", "import services.a.core"),
                    Source("tests/test_a.py", "from services.a import core"),
                ],
                (),
            )
        )

    assert len(tree("x = 1")) == 1
    assert (
        tree("from services.a import core")
        == tree("from services.a.core import f")
        == tree("x = 'services.a.core:f'")
        == []
    )
