"""Where things lie in Redis: one server with its replicas, no cluster, since scripts write a key that all instruments
share (ADR 32). The braces keep an instrument's keys together."""

INSTRUMENTS = "tw:instruments"
# Sorted set of instruments by when, in microseconds of this Redis, a pointer of theirs moved last.
MOVED = "tw:moved"
CHANNEL = "tw:models"

CURRENT = "current"
CANDIDATE = "candidate"


def prefix(instrument: str) -> str:
    """What every key of an instrument begins with."""
    return f"tw:{{{instrument}}}:"


def pointer(instrument: str, role: str) -> str:
    """Hash that names the served model (`current`) or the shadow beside it (`candidate`)."""
    return prefix(instrument) + role


def model(instrument: str, seq: int) -> str:
    """Bytes of one model, never changed."""
    return f"{prefix(instrument)}model:{seq}"


def record(instrument: str, seq: int) -> str:
    """ModelRecord of one run, with or without a model."""
    return f"{prefix(instrument)}about:{seq}"


def history(instrument: str) -> str:
    """Sorted set of the runs with a record."""
    return prefix(instrument) + "history"


def models(instrument: str) -> str:
    """Sorted set of the runs whose model bytes are kept."""
    return prefix(instrument) + "models"
