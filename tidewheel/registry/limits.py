"""What numbers and texts of the registry may be. Whoever can write to Redis may have put anything there."""

from tidewheel.domain.market import check_instrument
from tidewheel.domain.texts import printable

# As many digits as a double, a sorted set's score, holds exactly; see also `shared.lua`.
SEQ_MAX = 10**15 - 1
EPOCH_MAX = 2**32 - 1  # uint32 on the wire
TIME_MAX_NS = 2**63 - 1
# A model of 605 features with its figures has some 25 kB, a record with a full account some 60.
MODEL_BYTES_MAX = 1 << 20
RECORD_BYTES_MAX = 1 << 18
INSTRUMENT_LENGTH_MAX = 100
INSTRUMENTS_MAX = 100_000


def parse_seq(text: bytes | str) -> int | None:
    """The number of a window as we write it; None for anything else."""
    digits = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(SEQ_MAX)) and digits[0] != "0"):
        return None
    return int(digits)


def whole_number(text: str, low: int, high: int) -> int:
    """A number as we write it. Raises ValueError for anything else, however long."""
    if len(text) > len(str(high)) or not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise ValueError(f"{printable(text)!r} is no whole number as we write it")
    number = int(text)
    if not low <= number <= high:
        raise ValueError(f"{number} does not lie between {low} and {high}")
    return number


def is_instrument(name: str) -> bool:
    """Whether a text of the registry names an instrument."""
    try:
        check_instrument(name)
    except ValueError:
        return False
    return len(name) <= INSTRUMENT_LENGTH_MAX
