"""IG on this machine: its login by REST, its stream in Lightstreamer's text protocol, written from its description."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from tests.http_server import serving
from tests.venues.speakers import Said, Speaker

USERNAME, PASSWORD, KEY, ACCOUNT = "a-user", "pass-word-7", "key-of-interface-8", "ABC12"
SECRETS = (PASSWORD, KEY, "client-token", "security-token")


@dataclass
class Answer:
    """In place of a session."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Login:
    """Logs users in; `answers` come first, one a login."""

    stream: str
    answers: list[Answer] = field(default_factory=list)
    logins: int = 0
    url: str = ""

    def tokens(self) -> tuple[str, str]:
        return f"client-token-{self.logins}", f"security-token-{self.logins}"


class Ig(Speaker):
    """One account of it."""

    id = name = "ig"
    symbol = wire = "CS.D.BITCOIN.TODAY.IP"
    other = other_wire = "CS.D.ETHUSD.TODAY.IP"
    has_time = snapshot_first = logs_in = True
    heartbeat = "PROBE"
    pong = "SYNC,10"
    unknown = ("CONS,unlimited", "CLIENTIP,127.0.0.1")
    torn = ()  # see `test_ig.py`
    subprotocols = ("TLCP-2.4.0.lightstreamer.com",)

    def __init__(self) -> None:
        self.login: Login | None = None
        self._items: list[str] = []

    def answers(self, text: str) -> tuple[str, ...]:
        request, _, parameters = text.partition("\r\n")
        if request != "create_session":
            return ()
        given = parse_qs(parameters)
        assert self.login is not None
        client, security = self.login.tokens()
        assert given["LS_password"] == [f"CST-{client}|XST-{security}"], "of the latest login"
        assert (given["LS_user"], given["LS_adapter_set"]) == ([ACCOUNT], ["DEFAULT"])
        return ("CONOK,S1234,50000,5000,*\r\nSERVNAME,Lightstreamer HTTP Server\r\n",)

    def asked(self, text: str) -> list[str] | None:
        request, _, parameters = text.partition("\r\n")
        given = {name: values[0] for name, values in parse_qs(parameters).items()}
        if request != "control" or given["LS_op"] != "add":
            return None
        assert (given["LS_data_adapter"], given["LS_mode"]) == ("Pricing", "MERGE")
        assert given["LS_schema"] == "TIMESTAMP BIDPRICE1 ASKPRICE1 DLG_FLAG"
        items = [item.split(":") for item in given["LS_group"].split(" ")]
        assert all(item[:2] == ["PRICE", ACCOUNT] for item in items)
        self._items = [epic for _, _, epic in items]
        return self._items

    def acks(self, symbols: list[str]) -> list[str]:
        return [f"SUBOK,1,{len(symbols)},4\r\nCONF,1,unlimited,filtered\r\n"]

    def refusal(self, symbol: str) -> str:
        return f"REQERR,1,21,Bad%20Item%20Group%20name {symbol}\r\n"

    def quote(self, said: Said, state: str = "DEAL") -> str:
        return self.update(said.symbol, str(said.time_us // 1000), said.bid, said.offer, state)

    def update(self, symbol: str, *values: str) -> str:
        item = self._items.index(symbol) + 1 if symbol in self._items else 99
        return f"U,1,{item},{'|'.join(values)}\r\n"


@contextmanager
def login_server(stream: str) -> Iterator[Login]:
    """On a free port, in a thread of its own."""
    login = Login(stream)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            login.logins += 1
            answer = login.answers.pop(0) if login.answers else self._judged(content)
            if answer is None:
                client, security = login.tokens()
                body = {"currentAccountId": ACCOUNT, "lightstreamerEndpoint": login.stream.replace("ws://", "http://")}
                self._answer(200, {"CST": client, "X-SECURITY-TOKEN": security}, body)
            else:
                self._answer(answer.status, answer.headers, {"errorCode": answer.code})

        def _judged(self, content: object) -> Answer | None:
            right = (
                content == {"identifier": USERNAME, "password": PASSWORD}
                and self.headers["X-IG-API-KEY"] == KEY
                and self.headers["Version"] == "2"
                and self.path == "/session"
            )
            return None if right else Answer(401, "error.security.invalid-details")

        def _answer(self, status: int, headers: dict[str, str], body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    with serving(Handler) as login.url:
        yield login
