"""What each venue says on the wire, written from its documents and sharing no code with the adapters it tests."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Said:
    """One quote to be said; sizes, number and time stand in the message where the venue has such."""

    symbol: str
    bid: str
    offer: str
    bid_size: str = "1.5"
    offer_size: str = "2"
    seq: int = 0
    time_us: int = 0

    def but(self, **more: Any) -> "Said":
        return replace(self, **more)


def iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 10**6, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time_us % 10**6:06d}Z"


class Speaker:
    """What is the same of most: the first quote of a connection is no snapshot, and there is no login."""

    id = name = symbol = wire = other = other_wire = ""
    has_time = has_seq = by_book = snapshot_first = logs_in = False
    heartbeat: str | None = None
    pong = ""
    closing: str | None = None
    unknown: tuple[str, ...] = ()
    torn: tuple[str | bytes, ...] = ("{torn", b"\xff\x00")
    subprotocols: tuple[str, ...] = ()

    def answers(self, _: str) -> tuple[str, ...]:
        """What is said at once to a text that is no subscription."""
        return ()

    def asked(self, text: str) -> list[str] | None:
        raise NotImplementedError

    def acks(self, symbols: list[str]) -> list[str]:
        raise NotImplementedError

    def refusal(self, symbol: str) -> str:
        raise NotImplementedError

    def quote(self, said: Said) -> str:
        raise NotImplementedError


class Kraken(Speaker):
    name, symbol, wire = "kraken", "BTC-USD", "BTC/USD"
    id = "kraken"
    other, other_wire = "ETH-USD", "ETH/USD"
    has_time, has_seq = True, False
    heartbeat = '{"channel":"heartbeat"}'
    pong = '{"method":"pong","time_in":"2026-01-01T00:00:00.1Z","time_out":"2026-01-01T00:00:00.2Z"}'
    unknown = (
        '{"channel":"status","type":"update","data":[{"system":"online"}]}',
        '{"channel":"instrument","data":{}}',
    )

    def asked(self, text: str) -> list[str] | None:
        message = json.loads(text)
        if message["method"] != "subscribe":
            return None
        assert message["params"]["event_trigger"] == "bbo"
        assert message["params"]["channel"] == "ticker"
        return list(message["params"]["symbol"])

    def acks(self, symbols: list[str]) -> list[str]:
        result = {"channel": "ticker", "event_trigger": "bbo", "snapshot": True}
        return [
            json.dumps({"method": "subscribe", "success": True, "req_id": 1, "result": {**result, "symbol": one}})
            for one in symbols
        ]

    def refusal(self, symbol: str) -> str:
        return json.dumps({"method": "subscribe", "success": False, "error": f"Currency pair not supported {symbol}"})

    def quote(self, said: Said, *, kind: str = "update") -> str:
        data = (
            f'{{"symbol":"{said.symbol}","bid":{said.bid},"bid_qty":{said.bid_size},"ask":{said.offer},'
            f'"ask_qty":{said.offer_size},"last":{said.bid},"volume":163.28908096,"vwap":105904.39279,"low":104711.0,'
            f'"high":106613.1,"change":250.0,"change_pct":0.24'
        )
        data += f',"timestamp":"{iso(said.time_us)}"}}' if said.time_us else "}"
        return f'{{"channel":"ticker","type":"{kind}","data":[{data}]}}'


class Coinbase(Speaker):
    name, symbol, wire = "coinbase", "BTC-USD", "BTC-USD"
    id = "coinbase"
    other, other_wire = "ETH-USD", "ETH-USD"
    has_time, has_seq = True, True
    heartbeat = (
        '{"type":"heartbeat","sequence":90,"last_trade_id":0,"product_id":"BTC-USD",'
        '"time":"2026-01-01T00:00:00.000000Z"}'
    )
    pong = '{"type":"last_match","product_id":"BTC-USD"}'  # it answers no text of ours: no sign of life either
    unknown = ('{"type":"status","products":[]}', '{"type":"something new"}')

    def asked(self, text: str) -> list[str] | None:
        message = json.loads(text)
        if message["type"] != "subscribe":
            return None
        assert set(message["channels"]) == {"ticker", "heartbeat"}
        return list(message["product_ids"])

    def acks(self, symbols: list[str]) -> list[str]:
        channels = [{"name": name, "product_ids": symbols} for name in ("ticker", "heartbeat")]
        return [json.dumps({"type": "subscriptions", "channels": channels})]

    def refusal(self, symbol: str) -> str:
        message = {"type": "error", "message": "Failed to subscribe", "reason": f"{symbol} is not a valid product"}
        return json.dumps(message)

    def quote(self, said: Said) -> str:
        message = {
            "type": "ticker",
            "sequence": said.seq,
            "product_id": said.symbol,
            "price": said.bid,
            "best_bid": said.bid,
            "best_bid_size": said.bid_size,
            "best_ask": said.offer,
            "best_ask_size": said.offer_size,
            "side": "buy",
            "trade_id": said.seq,
            "last_size": "11.4396987",
        }
        return json.dumps({**message, "time": iso(said.time_us)} if said.time_us else message)


class CoinbaseBook(Coinbase):
    """The same venue by its order book: each quote takes the one before it out. A price that is none, or the first
    after one, or after a subscription, comes with the whole book."""

    id = "coinbase-book"
    by_book = snapshot_first = True
    has_seq = False
    torn = ()  # see `test_books.py`

    def __init__(self) -> None:
        self._before: dict[str, Said] = {}

    def asked(self, text: str) -> list[str] | None:
        message = json.loads(text)
        if message["type"] != "subscribe":
            return None
        assert set(message["channels"]) == {"level2_batch", "heartbeat"}
        self._before.clear()
        return list(message["product_ids"])

    def acks(self, symbols: list[str]) -> list[str]:
        channels = [{"name": name, "product_ids": symbols} for name in ("level2_batch", "heartbeat")]
        return [json.dumps({"type": "subscriptions", "channels": channels})]

    def quote(self, said: Said) -> str:
        before = self._before.pop(said.symbol, None)
        if self._is_sound(said):
            self._before[said.symbol] = said
        if before is None or not self._is_sound(said):
            return self.snapshot(said)
        sides = (
            ("buy", before.bid, said.bid, said.bid_size),
            ("sell", before.offer, said.offer, said.offer_size),
        )
        changes = [[side, old, "0"] for side, old, new, _ in sides if old != new]
        return self.change(said, *changes, *([side, new, size] for side, _, new, size in sides))

    def snapshot(self, said: Said) -> str:
        deeper = [["1", "7"], ["0.5", "9"]] if self._is_sound(said) else []
        bids, asks = [[said.bid, said.bid_size], *deeper], [[said.offer, said.offer_size], ["999999", "3"]]
        message = {"type": "snapshot", "product_id": said.symbol, "bids": bids, "asks": asks}
        return json.dumps({**message, "time": iso(said.time_us)} if said.time_us else message)

    def change(self, said: Said, *changes: list[str]) -> str:
        message = {"type": "l2update", "product_id": said.symbol, "changes": changes}
        return json.dumps({**message, "time": iso(said.time_us)} if said.time_us else message)

    @staticmethod
    def _is_sound(said: Said) -> bool:
        bid, offer = Decimal(said.bid), Decimal(said.offer)
        return bid.is_finite() and offer.is_finite() and 0 < bid <= offer < 10**6


class Binance(Speaker):
    name, symbol, wire = "binance", "BTC-USDT", "BTCUSDT"
    id = "binance"
    other, other_wire = "ETH-USDT", "ETHUSDT"
    has_time, has_seq = False, True
    pong = '{"id":7,"status":200}'
    closing = '{"e":"serverShutdown","E":1770123456789}'
    unknown = ('{"e":"aggTrade","s":"BTCUSDT"}', "{}")

    def asked(self, text: str) -> list[str] | None:
        message = json.loads(text)
        if message["method"] != "SUBSCRIBE":
            return None
        streams = [stream.split("@") for stream in message["params"]]
        assert all(kind == "bookTicker" and symbol == symbol.lower() for symbol, kind in streams)
        return [symbol.upper() for symbol, _ in streams]

    def acks(self, _: list[str]) -> list[str]:
        return ['{"result":null,"id":1}']

    def refusal(self, symbol: str) -> str:
        return json.dumps({"error": {"code": 2, "msg": f"Invalid request: unknown {symbol}"}, "id": 1})

    def quote(self, said: Said) -> str:
        sides = {"b": said.bid, "B": said.bid_size, "a": said.offer, "A": said.offer_size}
        return json.dumps({"u": said.seq, "s": said.symbol, **sides})


class Okx(Speaker):
    name, symbol, wire = "okx", "BTC-USDT", "BTC-USDT"
    id = "okx"
    other, other_wire = "ETH-USDT", "ETH-USDT"
    has_time, has_seq = True, True
    pong = "pong"
    closing = '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade."}'
    unknown = ('{"event":"notice","code":"1","msg":"hello"}', '{"event":"channel-conn-count","connCount":"2"}')

    def asked(self, text: str) -> list[str] | None:
        if text == "ping":
            return None
        message = json.loads(text)
        if message["op"] != "subscribe":
            return None
        assert all(one["channel"] == "bbo-tbt" for one in message["args"])
        return [one["instId"] for one in message["args"]]

    def acks(self, symbols: list[str]) -> list[str]:
        return [json.dumps({"event": "subscribe", "arg": {"channel": "bbo-tbt", "instId": one}}) for one in symbols]

    def refusal(self, symbol: str) -> str:
        return json.dumps({"event": "error", "code": "60018", "msg": f"Wrong URL or channel: {symbol} doesn't exist"})

    def quote(self, said: Said) -> str:
        data = {
            "asks": [[said.offer, said.offer_size, "0", "13"]],
            "bids": [[said.bid, said.bid_size, "0", "12"]],
            "ts": str(said.time_us // 1000),
            "seqId": said.seq,
        }
        return json.dumps({"arg": {"channel": "bbo-tbt", "instId": said.symbol}, "data": [data]})


SPEAKERS: tuple[Speaker, ...] = (Kraken(), Coinbase(), Binance(), Okx())
# Those that say more than one message by itself: each quote is a change of what was said before.
BOOK_SPEAKERS: tuple[Speaker, ...] = (CoinbaseBook(),)


def e9(text: str) -> int:
    """By another way than the product's."""
    return int(Decimal(text) * 10**9)
