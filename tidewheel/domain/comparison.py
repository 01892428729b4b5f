"""Configurations compared on one history: how each did, and whether one is shown better than another.

Two are compared by a paired test (`betting.paired_test`) on what their flagged orders brought net of the spread, in
quote currency: that means the same to both, whatever their thresholds, windows and models are. All that the test is
measured by was known before its first order was placed:

- it begins where both have a model whose orders count, so that nobody is judged on a time without one;
- the unit is the larger of the two that the bettors on them began with: the largest amount that an order won or lost
  in the window judged before;
- a round lasts as long as an order lived in the first window, in the middle, of the two the longer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from tidewheel.domain.betting import STRONG_AT, WEAK_AT, FlaggedOrders, PairedTest, paired_test
from tidewheel.domain.market import Int64
from tidewheel.domain.models import Evidence

Bounds = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class ConfigurationOrders:
    """Orders that one configuration's models flagged, each by the model that was the newest when it was placed; columns
    of one length, in no order. `pnl_e9`: exit less the offer at entry.

    Known before the first of them: orders placed after `from_ns` count, `unit_e9` is the largest amount of the window
    before, `holding_ns` how long an order of the first window lived, in the middle.
    """

    placed_ns: Int64
    resolved_ns: Int64
    pnl_e9: Int64
    from_ns: int
    unit_e9: int
    holding_ns: int

    def after(self, from_ns: int, unit_e9: int) -> FlaggedOrders:
        """Those placed after an instant, by `placed_ns`, with what they brought net in a unit."""
        counts = self.placed_ns > from_ns
        net = self.pnl_e9[counts] / unit_e9
        orders = FlaggedOrders(self.placed_ns[counts], self.resolved_ns[counts], net, net)
        return orders.with_bets(())


@dataclass(frozen=True, slots=True)
class Standing:
    """One configuration on one history. `name`: what of it varies, in words; `lift`: value and 95 % interval of the
    last models together, None where there is nothing to compare; amounts in 1e-9 of the quote currency."""

    name: str
    windows: int
    models: int
    rows: int
    flagged: int
    net_e9: int
    lift: Bounds | None
    e_gross: float
    e_net: float
    evidence: Evidence

    @property
    def flagged_share(self) -> float | None:
        """Of the rows judged."""
        return self.flagged / self.rows if self.rows else None

    @property
    def net_an_order_e9(self) -> float | None:
        """Of the flagged ones."""
        return self.net_e9 / self.flagged if self.flagged else None


@dataclass(frozen=True, slots=True)
class Lead:
    """Evidence that configuration `better` does better than `worse`, both by their place: what a bettor on it has."""

    better: int
    worse: int
    e: float
    rounds: int


@dataclass(frozen=True, slots=True)
class History:
    """One recorded file through all configurations. `leads`: two a pair, one each way, the strongest first."""

    name: str
    standings: tuple[Standing, ...]
    leads: tuple[Lead, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All histories. Whoever looks at many tests finds one with a large e by chance, so evidence asks for as many times
    as much as there are `looks`."""

    histories: tuple[History, ...]

    @property
    def looks(self) -> int:
        """Paired tests, both ways counted."""
        return max(1, sum(len(one.leads) for one in self.histories))

    @property
    def weak_at(self) -> float:
        return WEAK_AT * self.looks

    @property
    def strong_at(self) -> float:
        return STRONG_AT * self.looks

    def evidence(self, lead: Lead) -> Evidence:
        """That the better of two is the better one."""
        return Evidence.of_wealth(lead.e, self.looks)


def leads(sides: Sequence[ConfigurationOrders | None]) -> tuple[Lead, ...]:
    """Every pair's test, both ways, the strongest first. A side without orders that could count is in none."""
    found = list(_leads(sides))
    return tuple(sorted(found, key=lambda lead: (-lead.e, lead.better, lead.worse)))


def _leads(sides: Sequence[ConfigurationOrders | None]) -> Iterator[Lead]:
    known = [(place, side) for place, side in enumerate(sides) if side is not None]
    for (one, first), (other, second) in combinations(known, 2):
        test = compare_pair(first, second)
        yield Lead(one, other, test.e_first, test.rounds)
        yield Lead(other, one, test.e_second, test.rounds)


def compare_pair(first: ConfigurationOrders, second: ConfigurationOrders) -> PairedTest:
    """The paired test of two configurations on the same history."""
    from_ns, unit_e9 = max(first.from_ns, second.from_ns), max(first.unit_e9, second.unit_e9)
    one, other = (side.after(from_ns, unit_e9) for side in (first, second))
    return paired_test(one, other, max(first.holding_ns, second.holding_ns))
