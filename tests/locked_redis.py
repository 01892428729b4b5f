"""A real Redis with locks: users as the registry declares them, and a TLS end in front of it.

The packaged server is built without TLS, so that end is made here; what the client does is the same.
"""

import asyncio
import signal
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.certificates import Authority
from tests.servers import server_port
from tests.waiting import eventually
from tidewheel.local.processes.subprocesses import accepts_connections, start, stop, tethered
from tidewheel.local.servers.redis import redis_command
from tidewheel.registry.access import USERS, acl_lines
from tidewheel.registry.redis_access import RedisAccess

JUDGE = "user judge on >judge ~* &* +@all"
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class LockedRedis:
    """Its ports, and the files of its users."""

    port: int
    tls_port: int
    folder: Path
    authority: Authority

    def password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"

    def access(self, user: str, *, tls: bool = False) -> RedisAccess:
        """What opens the door to a user."""
        if tls:
            ca_file = str(self.authority.certificate)
            return RedisAccess(f"rediss://{user}@localhost:{self.tls_port}/0", str(self.password_file(user)), ca_file)
        return RedisAccess(f"redis://{user}@127.0.0.1:{self.port}/0", str(self.password_file(user)))

    def judge(self) -> redis.Redis:
        """A client that may do everything, for the test alone."""
        return redis.Redis.from_url(f"redis://judge:judge@127.0.0.1:{self.port}/0", protocol=2)


def environment(access: RedisAccess) -> dict[str, str]:
    """The same as settings of a process."""
    return {"REDIS": access.url, "REDIS_PASSWORD_FILE": access.password_file, "REDIS_CA_FILE": access.ca_file}


@contextmanager
def locked_redis(folder: Path, more_lines: tuple[str, ...] = ()) -> Iterator[LockedRedis]:
    """A server with the declared users; `more_lines`: of its ACL file, in place of these or beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    passwords = {user: f"password of {user}" for user in USERS}
    port, authority = server_port(), Authority(folder, "authority")
    lines = [*acl_lines({user: user for user in USERS}, passwords), JUDGE, *more_lines]
    (folder / "users.acl").write_text("\n".join(lines) + "\n")
    command = [*redis_command(folder / "redis", port), "--aclfile", folder / "users.acl"]
    process = start(tethered(command, signal.SIGKILL), folder / "redis.log")
    try:
        eventually(lambda: accepts_connections(port) or process.poll() is not None, "Redis listens")
        assert process.poll() is None, (folder / "redis.log").read_text()
        with tls_in_front_of(port, authority) as tls_port:
            locked = LockedRedis(port, tls_port, folder, authority)
            for user, password in passwords.items():
                locked.password_file(user).write_text(password + "\n")
            yield locked
    finally:
        stop(process, 10.0)


@contextmanager
def tls_in_front_of(port: int, authority: Authority) -> Iterator[int]:
    """A port on which a server that speaks none is met by TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("redis"))
    loop, own = asyncio.new_event_loop(), server_port()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, behind[1]), pump(behind[0], writer))

    def end() -> None:
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon(loop.call_soon, loop.stop)  # once they have heard

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", own, ssl=context))
    thread = threading.Thread(target=loop.run_forever, name="tls", daemon=True)
    thread.start()
    try:
        yield own
    finally:
        loop.call_soon_threadsafe(end)
        thread.join()
        loop.close()
