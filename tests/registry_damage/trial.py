"""All kinds of damage at once, each to an instrument of its own, while a predictor serves, a trainer's ledger writes
and the command line reads; what must hold, as assertions."""

import io
import logging
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

import redis

from services.trainer.modelling.assembly import Candidate
from services.trainer.runs.ledger import Ledger
from tests.predictors import Client
from tests.registry_damage.table import SERVED, Kind, Place, set_up
from tests.synthetic_models import CARD, make_model, make_row, published
from tests.synthetic_rows import market
from tests.waiting import eventually
from tidewheel.cli.main import main
from tidewheel.domain.models import Champion, Scorer
from tidewheel.registry.store import Publication, Registry
from tidewheel.telemetry import declaration, metrics

UNTOUCHED = "sim:UNTOUCHED"
# More instruments than a process shows by name, and each is to be counted by its own.
NAMES_MAX = 100_000
NEW, NEWER = SERVED + 3, SERVED + 4
ROWS = market(1, 60).part(0, 10)
ROW = make_row(7)


class Trial:
    """One Redis, and the kinds that are tried on it. `run`: a number, so that trials have instruments of their own."""

    def __init__(self, url: str, kinds: list[Kind], run: int = 0, key: bytes | None = None) -> None:
        declaration.NAMES = declaration.InstrumentNames(NAMES_MAX)
        self.url = url
        self.registry = Registry.connect(url, key)
        self.kinds = {f"sim:K{run}-{number}": kind for number, kind in enumerate(kinds)}
        self.untouched = f"{UNTOUCHED}-{run}"
        for name in (*self.kinds, self.untouched):
            set_up(self.registry, name)

    def close(self) -> None:
        self.registry.close()

    def instrument(self, label: str) -> str:
        """The instrument of a kind."""
        return next(name for name, kind in self.kinds.items() if kind.label == label)

    def damage(self) -> None:
        with redis.Redis.from_url(self.url) as raw:
            for name, kind in self.kinds.items():
                kind.do(Place(raw, name))

    def await_served(self, client: Client, seq: int) -> None:
        def missing() -> list[str]:
            return [name for name in (*self.kinds, self.untouched) if served_seq(client, name) != seq]

        self._await(missing, f"window {seq} is served")

    def _await(self, pending: Callable[[], list[str]], what: str) -> None:
        try:
            eventually(lambda: not pending(), what, poll_every_s=0.2)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; of {self._named(pending())}") from None

    def _named(self, names: list[str]) -> str:
        return "; ".join(f"{name}: {self.kinds[name].label if name in self.kinds else 'untouched'}" for name in names)

    def await_counted(self) -> None:
        """Each is counted by its reason, and what serves of those that concern something else is not touched."""

        def uncounted() -> list[str]:
            return [name for name, kind in self.kinds.items() if kind.reason and kind.reason not in counted(name)]

        self._await(uncounted, "it is counted")
        for name in (self.untouched, *(name for name, kind in self.kinds.items() if kind.reason is None)):
            assert counted(name) == {}, self._named([name])

    def assert_last_good_answers(self, client: Client, seq: int = SERVED) -> None:
        for name in (*self.kinds, self.untouched):
            reply = client.predict(ROW, name)
            assert (reply.model.seq, reply.score) == (seq, Scorer.of(make_model(seq, name)).score(ROW)), self._named(
                [name]
            )

    def train(self, seq: int) -> None:
        """All that a trainer asks of the registry, and does to it, for one more window of each instrument."""
        ledger = Ledger(self.registry, threading.Event(), logging.getLogger("trainer"))
        for name in (*self.kinds, self.untouched):
            payload, record = published(seq, name)
            for ask in asked(ledger, name, seq):
                ask()
            ledger.put_scorecard(name, seq - 1, CARD, Champion(1, 9, 4))
            candidate = Candidate(make_model(seq, name), payload, None, ROWS)
            assert ledger.publish(candidate, record) is Publication.PUBLISHED, self._named([name])
            ledger.put_record(replace(published(seq + 10, name)[1], sha256="", reason="one_class"))


def asked(ledger: Ledger, name: str, seq: int) -> list[Callable[[], object]]:
    return [
        lambda: ledger.newest_run(name),
        lambda: ledger.record_of(name, seq),
        lambda: ledger.kept(name, SERVED),
        lambda: ledger.newest_model(name, seq),
        lambda: ledger.served(name),
        lambda: ledger.scorecards(name, seq),
        lambda: ledger.account(name, seq),
        lambda: ledger.judged(name, seq),
    ]


def served_seq(client: Client, name: str) -> int | None:
    try:
        return int(client.predict(ROW, name).model.seq)
    except Exception:  # not yet
        return None


def counted(instrument: str) -> dict[str, float]:
    """Refusals of an instrument's models, by reason."""
    samples = next(iter(metrics.MODEL_SWAP_FAILURES.collect())).samples
    return {
        one.labels["reason"]: one.value
        for one in samples
        if one.labels["instrument"] == instrument and one.name.endswith("_total") and one.value
    }


def told(*arguments: str) -> tuple[int, str]:
    """Exit code and all that a command says, which neither breaks off nor moves a cursor."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main(list(arguments))
    text = said.getvalue()
    assert "Traceback" not in text
    assert all(line.isprintable() for line in text.split("\n")), text
    return code, text
