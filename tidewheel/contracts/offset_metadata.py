"""What the trainer commits beside an offset of `examples`: from where on it reads again when it starts, in order to
remember; a whole number as text, in the offset's metadata."""

DIGITS_MAX = 18  # every offset, and nothing that is none


def replay_offset(offset: int, metadata: str | None) -> int | None:
    """From where on a restart reads a partition, None where nothing is committed. What an older trainer, or somebody
    else, has committed may have no metadata, or any other."""
    if offset < 0:
        return None
    if not metadata or not metadata.isascii() or not metadata.isdigit() or len(metadata) > DIGITS_MAX:
        return offset
    return min(int(metadata), offset)


def encode_replay_offset(first: int) -> str:
    """The metadata that is committed with an offset."""
    return str(first)
