"""How topics, codecs and services go together, as the sources say it and as the declarations say it."""

import ast
import re
from collections.abc import Iterable, Iterator

from tests.tidy.tree import Source, full_names, imports
from tidewheel.contracts.topics import TOPICS

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
# Declared constant -> topic, as `TICKS` -> `ticks`.
CONSTANTS = {name.replace("-", "_").upper(): name for name in TOPICS}
DEAD_LETTER_QUEUE = "tidewheel.runtime.dead_letters"
# Topic -> the codecs of its records; the dead letters' is used by the bin that all services share.
CODECS = {
    "ticks": ("second",),
    "orders": ("orders",),
    "transactions": ("transaction",),
    "examples": ("example",),
    "labeler-state": ("frontier", "snapshot"),
    "training-runs": ("run_event",),
    "predictions": ("prediction",),
    "feed-status": ("feed_status",),
    "dead-letters": ("dead_letter",),
}
# Also words of the problem, which may be keys and attributes as long as no client is handed them.
PLAIN_WORDS = {"ticks", "orders", "transactions", "examples", "predictions"}
CLIENT_CALLS = re.compile(
    r"produce|subscribe|assign|TopicPartition|NewTopic|ConfigResource|partitions_of|read_to_end|last_offsets|topic|"
    r"get_watermark_offsets|list_topics|send|flush_to"
)


def referenced(sources: Iterable[Source]) -> set[str]:
    """Topics that sources refer to by their declarations, or by the dead letter bin."""
    found = set()
    for source in sources:
        names = {name for _, name in imports(source)} | {name for _, name in full_names(source)}
        for name in names:
            head, _, last = name.partition("tidewheel.contracts.topics.")
            constant = last.split(".")[0]
            if not head and constant in CONSTANTS:
                found.add(CONSTANTS[constant])
            if name == DEAD_LETTER_QUEUE or name.startswith(DEAD_LETTER_QUEUE + "."):
                found.add("dead-letters")
    return found


def codecs_used(sources: Iterable[Source]) -> set[str]:
    """`encode_x` and `decode_x` of the contracts that sources name."""
    found = set()
    for source in sources:
        for _, name in (*imports(source), *full_names(source)):
            if name.startswith("tidewheel.contracts.codecs."):
                found |= {part for part in name.split(".") if part.startswith(("encode_", "decode_"))}
    return found


def wiring_faults(service: str, sources: list[Source]) -> Iterator[str]:
    """Where a service's sources and the declared producers and consumers differ."""
    used, codecs = referenced(sources), codecs_used(sources)
    for name, topic in TOPICS.items():
        produces, consumes = service in topic.producers, service in topic.consumers
        if (produces or consumes) and name not in used:
            yield f"{service} is declared at topic {name}, and does not refer to it"
        if name in used and not (produces or consumes):
            yield f"{service} refers to topic {name}, and is not declared at it"
        if name == "dead-letters":
            continue
        for codec in CODECS[name]:
            if produces != (f"encode_{codec}" in codecs):
                yield f"{service} {'should' if produces else 'must not'} encode {codec} for topic {name}"
            # Ingest goes on from its own last record.
            if consumes and f"decode_{codec}" not in codecs:
                yield f"{service} should decode {codec} of topic {name}"


def spelled_names(source: Source) -> Iterator[str]:
    """Places where a topic's name is spelled instead of taken from its declaration."""
    if source.path == "tidewheel/contracts/topics.py":
        return
    at_client = {id(constant) for call in ast.walk(source.tree) for constant in _client_words(call)}
    for node in ast.walk(source.tree):
        is_name = isinstance(node, ast.Constant) and node.value in TOPICS
        if is_name and (node.value not in PLAIN_WORDS or id(node) in at_client):
            yield f"{source.path}:{node.lineno} spells topic {node.value}"


def _client_words(node: ast.AST) -> Iterator[ast.AST]:
    """Constants handed to a Kafka client or looked up among the declarations."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("TOPICS"):
        yield node.slice
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if CLIENT_CALLS.fullmatch(called):
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from ast.walk(argument)
