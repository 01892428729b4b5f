"""A wire format, declared: which field of a value lies in which field of a message.

Both name their fields alike, so a plain field needs no line; a table holds the exceptions, by the value's fields. Lines
are read in the order of the table and before plain fields: that is the order in which a record is refused. A table that
leaves out a field of the message or of the value fails when it is made, that is at import.

Its functions are written as source and compiled once, as dataclasses does it: a loop over fields takes half as long
again as the same fields written out. `MessageTable.source` is what was compiled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from inspect import signature
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from tidewheel.contracts.codecs.columns import checked_instrument, int64_rows, packed, parse
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError

M = TypeVar("M", bound=Message)
V = TypeVar("V")


class Line(Protocol):
    """How one field of a value travels."""

    def write(self, source: "Source", owner: str, name: str) -> str | None:
        """Write how field `name` of `owner` is encoded. The expression that decodes it; None where the value has no
        such field to set. Raises TypeError where the message has no such field, or has given it to another line."""


class Source:
    """The source of a table's functions while it is written, and the objects that it names."""

    def __init__(self, message: type[Message]) -> None:
        self.wire = message.DESCRIPTOR
        self.objects: dict[str, object] = {}
        self.keywords: dict[str, str | None] = {}  # expressions of the message's fields; None: set in `columns`
        self.before: list[str] = []  # statements ahead of the message
        self.columns: list[str] = []  # statements that fill columns, where there are any
        self.after: list[str] = []  # statements once the message is made
        self.reading: list[str] = []  # statements ahead of the value

    def bind(self, thing: Any) -> str:
        """The name of an object in the source."""
        for name, known in self.objects.items():
            if known is thing:
                return name
        name = f"{getattr(thing, '__name__', type(thing).__name__)}_{len(self.objects)}"
        self.objects[name] = thing
        return name

    def take(self, name: str, expression: str | None) -> bool:
        """Give a field of the message its source; whether the field is repeated. Raises TypeError."""
        if name not in self.wire.fields_by_name or name in self.keywords:
            raise TypeError(f"{self.wire.name} has no field {name} that is still to be told")
        known = self.wire.fields_by_name[name]
        if known.message_type is not None and known.message_type.GetOptions().map_entry:
            # Its order on the wire is open: the same value might be other bytes.
            raise TypeError(f"{self.wire.name}: {name} is a map, which no table can tell")
        self.keywords[name] = expression
        return bool(known.is_repeated)

    def value(self, kind: Callable[..., object], owner: str, lines: Mapping[str, Line], nested: bool = False) -> str:
        """The expression that makes a value of a message. Raises TypeError for a field without source."""
        fields = dict.fromkeys(signature(kind).parameters, "")
        for name, line in {**lines, **{name: PLAIN for name in fields if name not in lines}}.items():
            made = line.write(self, owner, name)
            if (made is None) is (name in fields):
                raise TypeError(f"{self.wire.name}: line {name} does not fit the fields of {kind}")
            if made is not None:
                fields[name] = made
                if name in lines and not nested:
                    self.reading.append(f"{name}_ = {made}")
                    fields[name] = f"{name}_"
        return f"{self.bind(kind)}({', '.join(fields.values())})"

    def functions(self, message: type[Message], kind: Callable[..., object], lines: Mapping[str, Line]) -> str:
        """All four functions of a table. Raises TypeError for a field without source."""
        made = self.value(kind, "value", lines)
        if missing := {one.name for one in self.wire.fields} - self.keywords.keys():
            raise TypeError(f"{self.wire.name}: nothing of the value lies in {', '.join(sorted(missing))}")
        if self.columns and "count" not in self.keywords:
            raise TypeError(f"{self.wire.name} has columns and no count")
        wire = self.bind(message)
        keywords = ", ".join(f"{name}={source}" for name, source in self.keywords.items() if source is not None)
        filled = ["if count:", *(f"    {statement}" for statement in self.columns)] if self.columns else []
        to_wire = [*self.before, f"message = {wire}({keywords})", *filled, *self.after]
        parsed = f"message = {self.bind(parse)}({wire}, payload)"
        return "\n".join(
            (
                *_function("to_wire(value)", *to_wire, "return message"),
                *_function("encode(value)", *to_wire, "return message.SerializeToString()"),
                *_function("from_wire(message)", *self.reading, f"return {made}"),
                *_function("decode(payload)", parsed, *self.reading, f"return {made}"),
            )
        )


def _function(head: str, *body: str) -> list[str]:
    return [f"def {head}:", *(f"    {statement}" for statement in body)]


@dataclass(frozen=True)
class MessageTable(Generic[M, V]):
    """How a value lies in a message. `lines`: the fields that are not plain, by their names in the value.

    Raises TypeError when it is made, unless every field of message and value has its source. No message has a map, so
    that a value has one serialization.
    """

    message: type[M]
    value: type[V]
    lines: Mapping[str, Line] = field(default_factory=dict)
    source: str = field(init=False)
    to_wire: Callable[[V], M] = field(init=False)
    encode: Callable[[V], bytes] = field(init=False)
    from_wire: Callable[[M], V] = field(init=False)  # raises InvalidRecordError
    decode: Callable[[bytes | None], V] = field(init=False)  # raises InvalidRecordError

    def __post_init__(self) -> None:
        source = Source(self.message)
        object.__setattr__(self, "source", source.functions(self.message, self.value, self.lines))
        exec(compile(self.source, f"<{source.wire.name}>", "exec"), source.objects)
        for name in ("to_wire", "encode", "from_wire", "decode"):
            object.__setattr__(self, name, source.objects[name])


class Plain:
    """As it is; a repeated field is a tuple."""

    def write(self, source: Source, owner: str, name: str) -> str:
        repeated = source.take(name, f"{owner}.{name}")
        if source.wire.fields_by_name[name].message_type is not None:
            raise TypeError(f"{source.wire.name}.{name} is a message and needs a line")
        return f"tuple(message.{name})" if repeated else f"message.{name}"


PLAIN = Plain()


@dataclass(frozen=True)
class Checked:
    """A plain field ahead of which the message is checked; the check raises InvalidRecordError."""

    check: Callable[[Any], None]

    def write(self, source: Source, owner: str, name: str) -> str | None:
        source.reading.append(f"{source.bind(self.check)}(message)")
        return PLAIN.write(source, owner, name)


class Computed(Checked):
    """A field that the value computes of others: written, and checked when it is read."""

    def write(self, source: Source, owner: str, name: str) -> None:
        super().write(source, owner, name)


@dataclass(frozen=True)
class Converted:
    """By a function each way; without one the field goes out as it is."""

    from_wire: Callable[[Any], object]
    to_wire: Callable[[Any], object] | None = None

    def write(self, source: Source, owner: str, name: str) -> str:
        own = f"{owner}.{name}"
        source.take(name, own if self.to_wire is None else f"{source.bind(self.to_wire)}({own})")
        return f"{source.bind(self.from_wire)}(message.{name})"


@dataclass(frozen=True)
class Filled:
    """Repeated messages of a value that is none and often empty: a function adds them, another makes it of them."""

    from_wire: Callable[[Any], object]
    fill: Callable[[Any, Any], None]

    def write(self, source: Source, owner: str, name: str) -> str:
        source.take(name, None)
        source.after.append(f"if {owner}.{name}: {source.bind(self.fill)}(message.{name}, {owner}.{name})")
        return f"{source.bind(self.from_wire)}(message.{name})"


INSTRUMENT = Converted(checked_instrument)


class _Members(dict[object, Enum]):
    """Members of an enum by their values."""

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__({member.value: member for member in kind})
        self.kind = kind

    def __missing__(self, value: object) -> Enum:
        try:
            return self.kind(value)
        except ValueError as failure:
            raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None


def enum(kind: type[Enum], absent: Enum | None = None) -> Converted:
    """A member of an enum; any other value is refused. `absent`: what 0 stands for, the wire's word for "not set"."""
    members = _Members(kind)
    if absent is not None:
        members[0] = absent
    return Converted(members.__getitem__)


@dataclass(frozen=True)
class Nested:
    """A message of its own, by its own table."""

    table: MessageTable[Any, Any]

    def write(self, source: Source, owner: str, name: str) -> str:
        return Converted(self.table.from_wire, self.table.to_wire).write(source, owner, name)


@dataclass(frozen=True)
class NestedOrNone:
    """A message that is not set where the value has None."""

    table: MessageTable[Any, Any]

    def write(self, source: Source, owner: str, name: str) -> str:
        own = f"{owner}.{name}"
        source.take(name, f"None if {own} is None else {source.bind(self.table.to_wire)}({own})")
        return f"{source.bind(self.table.from_wire)}(message.{name}) if message.HasField({name!r}) else None"


@dataclass(frozen=True)
class NestedTuple:
    """A tuple of values, repeated messages."""

    table: MessageTable[Any, Any]

    def write(self, source: Source, owner: str, name: str) -> str:
        source.take(name, f"[*map({source.bind(self.table.to_wire)}, {owner}.{name})]")
        return f"tuple(map({source.bind(self.table.from_wire)}, message.{name}))"


@dataclass(frozen=True)
class Within:
    """A value within the value whose fields lie in the message itself. `empty`: what it is where `count` is 0."""

    value: Callable[..., object]
    lines: Mapping[str, Line] = field(default_factory=dict)
    empty: object = None

    def write(self, source: Source, owner: str, name: str) -> str:
        source.before.append(f"{name} = {owner}.{name}")
        made = source.value(self.value, name, self.lines, nested=True)
        return made if self.empty is None else f"{made} if count else {source.bind(self.empty)}"


class Count:
    """The length of the value, and of each of its columns that is not empty."""

    def write(self, source: Source, owner: str, name: str) -> None:
        source.before.append(f"count = len({owner})")
        source.reading.insert(0, f"count = message.{name}")
        source.take(name, "count")


COUNT = Count()


@dataclass(frozen=True)
class Column:
    """A packed column of `count` numbers, read by one of the functions for columns; not set where there are none."""

    read: Callable[[bytes, int, str], NDArray[np.int64] | NDArray[np.uint16]]

    def write(self, source: Source, owner: str, name: str) -> str:
        source.take(name, None)
        source.columns.append(f"message.{name} = {source.bind(packed)}({owner}.{name})")
        return f"{source.bind(self.read)}(message.{name}, count, {name!r})"


class Rows:
    """The rows of an array of int64, each a packed column with a name of its own."""

    def __init__(self, *columns: str) -> None:
        self.columns = columns

    def write(self, source: Source, owner: str, name: str) -> str:
        source.before.append(f"{', '.join(self.columns)} = map({source.bind(packed)}, {owner}.{name})")
        for column in self.columns:
            source.take(column, column)
        return f"{source.bind(int64_rows)}(message, {self.columns!r})"
