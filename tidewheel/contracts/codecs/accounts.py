"""A bettor's account, as it travels within a scorecard."""

from tidewheel.contracts.codecs.message_table import MessageTable, NestedTuple, Within
from tidewheel.domain.account import Account, ModelPeriod
from tidewheel.domain.betting import Bet, Bettor
from tidewheel.wire.v1 import models_pb2

BET = MessageTable(models_pb2.Bet, Bet)
MODEL_PERIOD = MessageTable(models_pb2.ModelPeriod, ModelPeriod)
ACCOUNT = MessageTable(
    models_pb2.Account,
    Account,
    {"bettor": Within(Bettor, {"pending": NestedTuple(BET)}), "periods": NestedTuple(MODEL_PERIOD)},
)
