"""Properties: name, type, default, bounds and a line of explanation, declared once.

    class ExampleSettings(Settings):
        num_partitions = Key(INT, 1, "Partitions of topics that are created without a number.", AtLeast(1))
        log_dirs = Key[str | None](STRING, None, "Directories for the logs, separated by commas.")

    settings = ExampleSettings(read_properties(data))
    settings.num_partitions          # an int
    ExampleSettings.KEYS             # the KeyTable: every Key by its name

On the class an attribute is the Key, on an instance its value. A key is named after its attribute, with dots for
underscores, unless it has an explicit name. Types, spelling and error
texts are those of Kafka's ConfigDef and ConfigException, since clients see them.
"""

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Generic, NoReturn, Protocol, Self, TypeVar, overload

from pykafka_cli.properties.grammar import Property

T_co = TypeVar("T_co", covariant=True)
Strings = tuple[str, ...]


class Type(Enum):
    """org.apache.kafka.common.config.ConfigDef.Type; the number is that of DescribeConfigs (KIP-569)."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


BOOLEAN, STRING, INT, SHORT, LONG = Type.BOOLEAN, Type.STRING, Type.INT, Type.SHORT, Type.LONG
DOUBLE, LIST, CLASS, PASSWORD = Type.DOUBLE, Type.LIST, Type.CLASS, Type.PASSWORD

MAX_INT, MAX_LONG = 2**31 - 1, 2**63 - 1
_BITS = {SHORT: 16, INT: 32, LONG: 64}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:NaN|Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[dDfF]?")
_BLANKS = "".join(map(chr, range(0x21)))  # what String.trim removes
_COMMA = re.compile(r"\s*,\s*")


class Importance(Enum):
    """How likely an operator needs the key, by Kafka's documentation."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


HIGH, LOW = Importance.HIGH, Importance.LOW


class UpdateMode(Enum):
    """Whether a running broker accepts a new value, and for which brokers it may be set (KIP-226)."""

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"


PER_BROKER, CLUSTER_WIDE = UpdateMode.PER_BROKER, UpdateMode.CLUSTER_WIDE


@dataclass(frozen=True, slots=True)
class Password:
    """A secret, which only `value` shows."""

    value: str

    def __str__(self) -> str:
        return "[hidden]"

    __repr__ = __str__


class ConfigError(ValueError):
    """Invalid settings; the text says which and why. `line` is 0 if no line of a file is to blame."""

    line = 0


class BadProperty(ConfigError):
    """An invalid value; `str()` is Kafka's text."""

    def __init__(self, key: str, value: object, line: int, why: str) -> None:
        super().__init__(f"Invalid value {_as_java_prints(value)} for configuration {key}: {why}")
        self.key, self.value, self.line, self.why = key, value, line, why


class Check(Protocol):
    """A bound on a parsed value. `str()` describes it as Kafka's documentation does."""

    def ensure_valid(self, name: str, value: Any, line: int) -> None:
        """Raise BadProperty unless `value` is valid for the key `name`."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    low: float

    def ensure_valid(self, name: str, value: float | None, line: int) -> None:
        if value is None:
            raise BadProperty(name, value, line, "Value must be non-null")
        if value < self.low:
            raise BadProperty(name, value, line, f"Value must be at least {self.low}")

    def __str__(self) -> str:
        return f"[{self.low},...]"


@dataclass(frozen=True, slots=True)
class Between:
    low: float
    high: float

    def ensure_valid(self, name: str, value: float | None, line: int) -> None:
        AtLeast(self.low).ensure_valid(name, value, line)
        if value is not None and value > self.high:
            raise BadProperty(name, value, line, f"Value must be no more than {self.high}")

    def __str__(self) -> str:
        return f"[{self.low},...,{self.high}]"


class OneOf:
    """One of a fixed set of strings, in exact case."""

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def ensure_valid(self, name: str, value: str | None, line: int) -> None:
        if value not in self.choices:
            raise BadProperty(name, value, line, f"String must be one of: {', '.join(self.choices)}")

    def __str__(self) -> str:
        return f"[{', '.join(self.choices)}]"


class EachOneOf:
    """A list of elements of a fixed set."""

    def __init__(self, *choices: str) -> None:
        self.element = OneOf(*choices)

    def ensure_valid(self, name: str, value: Strings, line: int) -> None:
        for each in value:
            self.element.ensure_valid(name, each, line)

    def __str__(self) -> str:
        return str(self.element)


class Key(Generic[T_co]):
    """One property.

    default       the value if it is not set; None: there is none
    check         a bound for every given value
    internal      accepted, never listed (Kafka's defineInternal)
    fallback      for a topic's key: the broker's key for topics that do not set it
    """

    effective = True

    def __init__(
        self,
        type: Type,  # noqa: A002  # Kafka's word
        default: T_co,
        doc: str,
        check: Check | None = None,
        *,
        name: str | None = None,
        importance: Importance = Importance.MEDIUM,
        update: UpdateMode = UpdateMode.READ_ONLY,
        internal: bool = False,
        fallback: str | None = None,
    ) -> None:
        self.type, self.default, self.doc, self.check = type, default, doc, check
        self.name = name or ""
        self.importance, self.update = importance, update
        self.internal, self.fallback = internal, fallback

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.name = self.name or attribute.replace("_", ".")

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T_co: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T_co:
        # Instances have their values in __dict__, which takes precedence: this is reached only through the class.
        return self if instance is None else self.default

    @property
    def sensitive(self) -> bool:
        return self.type is PASSWORD

    @property
    def read_only(self) -> bool:
        return self.update is UpdateMode.READ_ONLY

    def parse(self, text: str, line: int = 0) -> Any:
        """The value of `text`.

        raises    BadProperty
        source    ConfigDef.parseType and its validators
        """
        value = self._typed(text, line)
        if self.check is not None:
            self.check.ensure_valid(self.name, value, line)
        return value

    def format(self, value: Any) -> str | None:
        """`value` as text for files and DescribeConfigs; a Password stays hidden."""
        if self.type is LIST and value is not None:
            return ",".join(value)
        return None if value is None else _as_java_prints(value)

    def _typed(self, text: str, line: int) -> Any:
        trimmed = text.strip(_BLANKS)
        if self.type is BOOLEAN:
            if trimmed.lower() in ("true", "false"):
                return trimmed.lower() == "true"
            raise BadProperty(self.name, text, line, "Expected value to be either true or false")
        if self.type in _BITS:
            if _INTEGER.fullmatch(trimmed):
                number, limit = int(trimmed), 1 << (_BITS[self.type] - 1)
                if -limit <= number < limit:
                    return number
            self._not_a_number(text, line)
        if self.type is DOUBLE:
            if not _DECIMAL.fullmatch(trimmed):
                self._not_a_number(text, line)
            return float(trimmed.rstrip("dDfF"))
        if self.type is LIST:
            return tuple(_COMMA.split(trimmed)) if trimmed else ()
        return Password(trimmed) if self.type is PASSWORD else trimmed

    def _not_a_number(self, text: str, line: int) -> NoReturn:
        raise BadProperty(self.name, text, line, f"Not a number of type {self.type.name}")


class InertKey(Key[Any]):
    """A key of Kafka that has no effect here: accepted, listed, and named in a warning if it is set."""

    effective = False


class UnsupportedProtection(InertKey):
    """A security key that is not implemented. A server rejects any value but the default and harmless ones.

    A user who sets such a key relies on it. A server that ignored it would be less secure than configured.

    loss    what would not hold, as a clause of the error
    """

    def __init__(
        self,
        type: Type,  # noqa: A002  # Kafka's word
        default: Any,
        doc: str,
        check: Check | None = None,
        *,
        loss: str,
        harmless: Sequence[Any] = (),
        name: str | None = None,
        importance: Importance = Importance.MEDIUM,
        update: UpdateMode = UpdateMode.READ_ONLY,
    ) -> None:
        super().__init__(type, default, doc, check, name=name, importance=importance, update=update)
        self.loss, self._harmless = loss, (default, *harmless)

    def ensure_not_counted_on(self, name: str, text: str, line: int = 0) -> None:
        """Raise BadProperty unless the given text changes nothing. `name` may carry a listener's prefix."""
        value = self.parse(text, line)
        if value not in self._harmless:
            raise BadProperty(
                name, value if self.type is PASSWORD else text, line, f"{self.loss}; remove it to start without"
            )


class PartialProtection(UnsupportedProtection):
    """A security key of which some values are implemented, those that it calls harmless."""

    effective = True


class KeyTable(Mapping[str, Key[Any]]):
    """Keys by name, in alphabetical order."""

    def __init__(self, keys: Iterable[Key[Any]]) -> None:
        self._keys = {key.name: key for key in sorted(keys, key=lambda key: key.name)}

    def __getitem__(self, name: str) -> Key[Any]:
        return self._keys[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def parse(self, properties: Iterable[Property]) -> tuple[dict[str, Any], list[str]]:
        """Values of all keys, defaults included; and a line for each property that is not in the table.

        raises    BadProperty, for the first bad value
        """
        values = {name: key.default for name, key in self._keys.items()}
        warnings = []
        for name, text, line in properties:
            key = self._keys.get(name)
            if key is None:
                warnings.append(self.unknown(name, line))
            else:
                values[name] = key.parse(text, line)
        return values, warnings

    def unknown(self, name: str, line: int) -> str:
        """The warning for an unknown name, with the one that was probably meant."""
        where = f"line {line}: " if line else ""
        near = difflib.get_close_matches(name, self._keys, n=1, cutoff=0.8)
        return f"{where}unknown key {name} is ignored" + (f"; did you mean {near[0]}?" if near else "")


class Settings:
    """Base of classes that declare Keys: their values, or defaults, as attributes."""

    KEYS: ClassVar[KeyTable]
    warnings: list[str]

    def __init_subclass__(cls) -> None:
        declared = (getattr(cls, name) for name in dir(cls))
        cls.KEYS = KeyTable(key for key in declared if isinstance(key, Key))

    def __init__(self, properties: Iterable[Property] = ()) -> None:
        values, self.warnings = self.KEYS.parse(properties)
        self._set(values)

    def _set(self, values: Mapping[str, Any]) -> None:
        """Set parsed values by the keys' names."""
        self.__dict__.update({self.KEYS[name].attribute: value for name, value in values.items()})

    def __getitem__(self, name: str) -> Any:
        """The value of a key by its full name."""
        return getattr(self, self.KEYS[name].attribute)


def _as_java_prints(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _java_double(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else str(value)


def _java_double(value: float) -> str:
    """As Double.toString: plain from 0.001 up to ten million, otherwise d.dddEn."""
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    exact = Decimal(repr(value)).normalize()
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return _with_fraction(exact)
    exponent = exact.adjusted()
    return f"{_with_fraction(exact.scaleb(-exponent))}E{exponent}"


def _with_fraction(number: Decimal) -> str:
    text = format(number, "f")
    return text if "." in text else f"{text}.0"
