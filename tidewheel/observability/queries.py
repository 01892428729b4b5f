"""Queries that more than one rule or panel makes."""

LATELY = "2m"


def grew(selector: str, by: str) -> str:
    """A counter rose lately. One that is new where its process was there before counts from nothing: a rate knows
    nothing of a series' first value. That of a process that is new to Prometheus itself, or that did not answer then,
    may be years old."""
    rose = f"sum by ({by}) (increase({selector}[{LATELY}])) > 0"
    new = f"({selector} > 0 unless {selector} offset {LATELY}) and on (job, instance) (up offset {LATELY} == 1)"
    return f"({rose}) or (sum by ({by}) ({new}))"


def newest(metric: str, by: str = "instrument") -> str:
    """A gauge that only rises, over all processes that have shown it."""
    return f"max by ({by}) ({metric})"


def quantile(share: float, histogram: str, by: str = "", within: str = "1m") -> str:
    """A quantile of a histogram over the last while."""
    labels = ", ".join(("le", *([by] if by else [])))
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({histogram}_bucket[{within}])))"
