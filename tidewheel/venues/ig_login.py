"""The way to IG's prices: log in by REST, open the stream whose address the answer names, begin a session on it.

Each connection logs in anew, so tokens are never older than it. Nothing secret is told: not the password, the key or a
token, in no message and no log.
"""

import asyncio
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tidewheel.runtime.secret_files import SecretFileError, read_secret
from tidewheel.venues.adapter import Adapter
from tidewheel.venues.ig import ACCOUNT
from tidewheel.venues.ig_settings import IgSettings
from tidewheel.venues.opening import HttpRefusedError, Line, NoConnectionError, Opener, open_socket

ANSWER_BYTES_MAX = 65_536
SUBPROTOCOL = Subprotocol("TLCP-2.4.0.lightstreamer.com")
# What the protocol's description gives to clients that are not the vendor's own.
CLIENT_ID = "mgQkwtwdysogQz2BJ4Ji kOj2Bg"
TOO_MANY = 429
ERROR_CODE = re.compile(r"[A-Za-z0-9.-]{1,100}")


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in. Secrets are files, read at each login."""

    username: str
    password_file: str
    key_file: str


@dataclass(frozen=True, slots=True)
class _Session:
    account: str
    stream: str
    password: str = field(repr=False)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Credentials go to the address that was asked, and nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def log_in(url: str, account: Account, timeout_s: float) -> _Session:
    """Raises HttpRefusedError with the status of a refusal, NoConnectionError, OSError."""
    try:
        key, password = read_secret(account.key_file), read_secret(account.password_file)
    except SecretFileError as failure:
        raise NoConnectionError(str(failure)) from None
    content = json.dumps({"identifier": account.username, "password": password}).encode()
    headers = {"X-IG-API-KEY": key, "Version": "2", "Content-Type": "application/json; charset=UTF-8"}
    request = urllib.request.Request(f"{url.rstrip('/')}/session", content, headers, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s) as answer:
            return _session(answer.headers, answer.read(ANSWER_BYTES_MAX), url)
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise _refused(refusal.code, refusal.headers, refusal.read(ANSWER_BYTES_MAX)) from None
    except urllib.error.URLError as failure:
        reason = failure.reason
        raise reason if isinstance(reason, OSError) else NoConnectionError(str(reason)[:200]) from None
    except HTTPException as failure:
        raise NoConnectionError(f"its answer is no HTTP: {type(failure).__name__}") from None


def _session(headers: Message, content: bytes, url: str) -> _Session:
    try:
        answer = json.loads(content)
        client, security = headers["CST"], headers["X-SECURITY-TOKEN"]
        account, stream = answer["currentAccountId"], answer["lightstreamerEndpoint"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NoConnectionError("the answer to the login is not of the form that IG sends") from None
    if not all(isinstance(one, str) and one for one in (client, security, account, stream)):
        raise NoConnectionError("the answer to the login is not of the form that IG sends")
    return _Session(account, stream_url(stream, url), f"CST-{client}|XST-{security}")


def stream_url(endpoint: str, login: str) -> str:
    """The stream's address, from that of the answer to a login. Raises NoConnectionError: for what is none, and for an
    open stream after an encrypted login, since the tokens go there."""
    parts = urlsplit(endpoint)
    scheme = {"https": "wss", "http": "ws"}.get(parts.scheme)
    if scheme is None or not parts.netloc or (scheme == "ws" and not login.startswith("http://")):
        raise NoConnectionError(f"the answer to the login names no stream, but {endpoint[:50]!r}")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/lightstreamer"


def _refused(status: int, headers: Any, content: bytes) -> HttpRefusedError:
    """IG tells too many requests, too, as 403."""
    try:
        code = str(json.loads(content)["errorCode"])
    except (ValueError, KeyError, TypeError, RecursionError):
        code = ""
    code = code if ERROR_CODE.fullmatch(code) else ""
    return HttpRefusedError(TOO_MANY if "exceeded" in code else status, headers.get("Retry-After"), code)


def session_request(session: _Session) -> str:
    """Begins a session on the stream."""
    parameters = {
        "LS_cid": CLIENT_ID,
        "LS_adapter_set": "DEFAULT",
        "LS_user": session.account,
        "LS_password": session.password,
    }
    return "create_session\r\n" + urlencode(parameters)


def openers(settings: IgSettings) -> dict[str, Opener]:
    """How connections are opened to venues that want a login."""
    return {"ig": IgLogin(Account(settings.ig_username, settings.ig_password_file, settings.ig_key_file))}


class IgLogin:
    """Opens connections to IG for `VenueClient`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, url: str, adapter: Adapter) -> Line:
        """Raises as `log_in` does, and whatever opening a websocket raises."""
        open_s = adapter.timing.open_s
        session = await asyncio.to_thread(log_in, url, self._account, open_s)
        socket = await open_socket(session.stream, adapter, [SUBPROTOCOL])
        try:
            async with asyncio.timeout(open_s):
                await _begin(socket, session)
        except ConnectionClosed:
            raise NoConnectionError("its stream ended before a session began") from None
        except BaseException:
            socket.transport.abort()
            raise
        return Line(socket, lambda text: text.replace(*_account_in(session.account)))


async def _begin(socket: ClientConnection, session: _Session) -> None:
    """Raises NoConnectionError where the stream refuses it."""
    await socket.send(session_request(session))
    while True:
        text = await socket.recv()
        for line in (text if isinstance(text, str) else "").split("\r\n"):
            kind, _, rest = line.partition(",")
            if kind == "CONOK":
                return
            if kind in ("CONERR", "END", "ERROR"):
                code, _, words = rest.partition(",")
                raise NoConnectionError(f"its stream begins no session: {code[:10]} {unquote(words)[:100]}")


def _account_in(account: str) -> tuple[str, str]:
    return quote(ACCOUNT, safe=""), quote(account, safe="")
