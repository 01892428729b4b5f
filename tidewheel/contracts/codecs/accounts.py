"""A bettor's account, as it travels within a scorecard."""

from tidewheel.domain.account import Account, Era
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
        eras=[models_pb2.Era(seq=era.seq, from_ns=era.from_ns, unit_e9=era.unit_e9) for era in value.eras],
        unit_e9=value.unit_e9,
    )


def account_of(message: models_pb2.Account) -> Account:
    return Account(
        Bettor(
            tuple(message.gross),
            tuple(message.net),
            message.bets,
            message.free_from_ns,
            tuple(Bet(bet.placed_ns, bet.resolved_ns, bet.gross, bet.net) for bet in message.pending),
        ),
        tuple(Era(era.seq, era.from_ns, era.unit_e9) for era in message.eras),
        message.unit_e9,
    )
