"""Quotes of a venue by ccxt.pro: `python -m bench.rivals.on_ccxt URL SYMBOL,SYMBOL… together|apart`.

In an environment of its own. As its documentation has it: `watch_bids_asks` again and again, of all symbols in one loop
(`together`), or of each symbol in a loop of its own (`apart`). It hears from standard input that it is to end, and
prints how many of the venue's messages it has handed over.
"""

import asyncio
import json
import sys
from typing import Any

import ccxt.pro

QUOTE = "USDT"


def market(exchange: ccxt.pro.binance, symbol: str) -> dict[str, Any]:
    """As the exchange would tell it, without asking."""
    base = symbol.removesuffix(f"/{QUOTE}")
    known = {"id": base + QUOTE, "lowercaseId": (base + QUOTE).lower(), "symbol": symbol, "base": base, "quote": QUOTE}
    kind = {"type": "spot", "spot": True, "active": True, "baseId": base, "quoteId": QUOTE}
    return exchange.safe_market_structure({**known, **kind})  # type: ignore[no-any-return]


async def hear(exchange: ccxt.pro.binance, symbols: list[str], seen: set[int]) -> None:
    while True:
        tickers = await exchange.watch_bids_asks(symbols)
        seen.update(ticker["info"]["u"] for ticker in tickers.values())


async def main(url: str, symbols: list[str], how: str) -> None:
    exchange = ccxt.pro.binance()
    exchange.urls["api"]["ws"]["spot"] = url
    exchange.set_markets([market(exchange, symbol) for symbol in symbols])
    seen: set[int] = set()
    groups = [symbols] if how == "together" else [[symbol] for symbol in symbols]
    loops = [asyncio.create_task(hear(exchange, group, seen)) for group in groups]
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    await asyncio.wait([told, *loops], return_when=asyncio.FIRST_COMPLETED)
    for loop in loops:
        if loop.done():
            loop.result()  # it never ends but by what it raises
        loop.cancel()
    print(json.dumps({"handed_over": len(seen), "version": ccxt.__version__}), flush=True)
    await exchange.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2].split(","), sys.argv[3]))
