"""Who may do what in the registry's Redis, as users of its access-control list. Pure but for reading our own scripts.

Made from what is there: the keys as `keys.py` spells them, and the commands that each user's scripts call, looked up in
their text. Only the trainer writes; the predictor reads and listens; the other services have no user at all.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tidewheel.registry import keys, scripts

ONE_LINE_FUNCTION = re.compile(r"^local function (\w+)\(.*\bend$", re.MULTILINE)
LONG_FUNCTION = re.compile(r"^local function (\w+)\([^\n]*\)\n.*?^end$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"redis\.p?call\('(\w+)'")
READING_SCRIPTS = ("values", "pointers", "seqs", "names", "moved")
# Of the client itself: what names it to the server, and what it needs to run a script.
CLIENT_COMMANDS = ("client|setinfo", "evalsha", "script|load", "ping", "time")
OWN_KEYS = (keys.INSTRUMENTS, keys.MOVED, keys.prefix("*") + "*")
PEOPLE, ADMIN = "people", "admin"


@dataclass(frozen=True, slots=True)
class RegistryUser:
    """What one user may do. `commands`: those it sends itself, beside those in `scripts`."""

    scripts: tuple[str, ...]
    commands: tuple[str, ...] = ()
    keys: tuple[str, ...] = OWN_KEYS
    notified: bool = False

    def all_commands(self) -> list[str]:
        """Every command, sorted; those within a script are checked like others."""
        called = {command.lower() for script in self.scripts for command in commands_in(scripts.text(script))}
        return sorted({*CLIENT_COMMANDS, *self.commands, *called})


USERS: Mapping[str, RegistryUser] = MappingProxyType(
    {
        "trainer": RegistryUser((*READING_SCRIPTS, "publish", "record"), ("sadd", "del"), notified=True),
        "predictor": RegistryUser(READING_SCRIPTS, ("subscribe",), notified=True),
        # `tidewheel models list`, `show`, `diff`, `export`, `rebuild`, `report`.
        PEOPLE: RegistryUser(READING_SCRIPTS),
        # `tidewheel models promote`, `rollback` and `check --repair`, which looks at whatever begins like our keys.
        ADMIN: RegistryUser(
            (*READING_SCRIPTS, "move"),
            ("scan", "type", "del", "zrange", "zadd", "zrem", "sadd", "srem", "sscan"),
            keys=("tw:*",),
            notified=True,
        ),
    }
)


def commands_in(text: str) -> frozenset[str]:
    """The commands that a script may call, be it by its functions; what it never calls does not count."""
    bodies = {name: body for pattern in (ONE_LINE_FUNCTION, LONG_FUNCTION) for name, body in _functions(pattern, text)}
    rest = text
    for body in bodies.values():
        rest = rest.replace(body, "")
    reached: set[str] = set()
    waiting = [rest]
    found: set[str] = set()
    while waiting:
        part = waiting.pop()
        found.update(CALL.findall(part))
        called = {name for name in bodies if re.search(rf"\b{name}\(", part)} - reached
        reached |= called
        waiting += [bodies[name].split("(", 1)[1] for name in called]
    return frozenset(found)


def _functions(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    for match in pattern.finditer(text):
        yield match[1], match[0]


def rules_of(user: RegistryUser) -> list[str]:
    """The user's rules as Redis reads them, but for its name and password."""
    channels = [f"&{keys.CHANNEL}"] if user.notified else []
    return [
        *("resetchannels", *channels, "resetkeys", *(f"~{pattern}" for pattern in user.keys)),
        *("-@all", *(f"+{command}" for command in user.all_commands())),
    ]


def acl_lines(name_of: Mapping[str, str], passwords: Mapping[str, str]) -> list[str]:
    """Lines of an ACL file: nobody without a name, and each user by the hash of its password; one without is off.

    `name_of`: user -> the name it has in Redis; `passwords`: user -> password.
    """
    lines = ["user default off resetchannels resetkeys -@all"]
    for user, what in USERS.items():
        secret = ["on", f"#{hashlib.sha256(passwords[user].encode()).hexdigest()}"] if user in passwords else ["off"]
        lines.append(" ".join(["user", name_of[user], "reset", *secret, *rules_of(what)]))
    return lines
