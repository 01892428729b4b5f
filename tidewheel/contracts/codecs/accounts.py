"""A bettor's account, as it travels within a scorecard."""

from tidewheel.domain.account import Account, ModelPeriod
from tidewheel.domain.betting import Bet, Bettor
from tidewheel.wire.v1 import models_pb2


def account_to_wire(value: Account) -> models_pb2.Account:
    bettor = value.bettor
    return models_pb2.Account(
        gross=bettor.gross,
        net=bettor.net,
        bets=bettor.bets,
        free_from_ns=bettor.free_from_ns,
        pending=[models_pb2.Bet(**bet._asdict()) for bet in bettor.pending],
        periods=[
            models_pb2.ModelPeriod(seq=period.seq, from_ns=period.from_ns, unit_e9=period.unit_e9)
            for period in value.periods
        ],
        unit_e9=value.unit_e9,
    )


def account_from_wire(message: models_pb2.Account) -> Account:
    return Account(
        Bettor(
            tuple(message.gross),
            tuple(message.net),
            message.bets,
            message.free_from_ns,
            tuple(Bet(bet.placed_ns, bet.resolved_ns, bet.gross, bet.net) for bet in message.pending),
        ),
        tuple(ModelPeriod(period.seq, period.from_ns, period.unit_e9) for period in message.periods),
        message.unit_e9,
    )
