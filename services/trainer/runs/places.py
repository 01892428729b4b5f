"""Where a run's record says that its rows lie, held against where they were read. Pure.

A registry is not believed: a record may be forged, or be of the topics of an earlier time. The log says which it is.
"""

from services.trainer.windows.count_windows import Window
from tidewheel.domain.models import ModelRecord

STALE_MODEL = "the registry keeps a model of this window that is not of this log"


def contradiction(record: ModelRecord, window: Window) -> str | None:
    """What the log says against the record of this window, or of one before it, in words; None for nothing.

    A record without places is of a window whose rows were missing, which they are not where the window is at hand.
    """
    if record.seq == window.seq:
        return _of_its_own(record, window)
    remembered = {one.seq: one.first_offset for one in window.memory}
    first = remembered.get(record.seq, record.first_offset)
    if record.last_offset and record.first_offset != first:
        return f"its first row stands at offset {first}, not at {record.first_offset}"
    if record.last_offset >= window.last_offset:
        return f"its last row stands before offset {window.last_offset}, not at {record.last_offset}"
    return None


def _of_its_own(record: ModelRecord, window: Window) -> str | None:
    found, recorded = (window.first_offset, window.last_offset), (record.first_offset, record.last_offset)
    if found == recorded:
        return None
    return f"its rows stand at offsets {found[0]} to {found[1]}, not {recorded[0]} to {recorded[1]}"
