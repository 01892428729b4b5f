"""The one timeline: nanoseconds since the epoch, UTC, cut into seconds and days."""

NS_PER_S = 1_000_000_000
S_PER_DAY = 86_400
ORDER_IDS_PER_S = 1_000


def day_of(second: int) -> int:
    """The UTC day a second belongs to, counted from the epoch."""
    return second // S_PER_DAY


def sampled_instants(second: int, per_second: int) -> list[int]:
    """The `per_second` instants of a second at which orders are sampled: s·10⁹ + i·10⁹ // N, in ns."""
    start = second * NS_PER_S
    return [start + index * NS_PER_S // per_second for index in range(per_second)]
