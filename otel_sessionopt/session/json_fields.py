"""`JsonFields`: typed access to one JSON object whose errors name the key."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

E = TypeVar("E", bound=Enum)


class JsonFields:
    """The values of one JSON object, read by key.

    Every reader raises `ValueError` that names the key when the value has the wrong type, or when it is missing and no
    default is given. JSON `null` counts as missing.
    """

    __slots__ = ("_data", "_where")

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        if not isinstance(data, Mapping):
            raise ValueError(f"{where}: an object is needed, not {type(data).__name__}")
        self._data = data
        self._where = where

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self._error(key, "a string", value)
        return value

    def optional_text(self, key: str) -> str | None:
        """A string or `None`."""
        return self.text(key) if self._data.get(key) is not None else None

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number ≥ 0; `12.0` is one too."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or value < 0 or value % 1:
            raise self._error(key, "a whole number of at least 0", value)
        return int(value)

    def optional_moment(self, key: str) -> int | None:
        """Nanoseconds since the epoch or `None`. Clocks that ran wild give any whole number."""
        value = self._data.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self._error(key, "a whole number", value)
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number ≥ 0; a whole one stays an `int`."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise self._error(key, "a number of at least 0", value)
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self._error(key, "true or false", value)
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """An object, copied; empty when missing."""
        value = self._value(key, {})
        if not isinstance(value, Mapping):
            raise self._error(key, "an object", value)
        return dict(value)

    def counts(self, key: str) -> dict[str, int]:
        """An object of whole numbers ≥ 0, copied; empty when missing."""
        inner = JsonFields(self.mapping(key), f"{self._where}.{key}")
        return {name: inner.whole(name) for name in self.mapping(key)}

    def items(self, key: str) -> list[Any]:
        """An array, copied; empty when missing."""
        value = self._value(key, [])
        if not isinstance(value, (list, tuple)):
            raise self._error(key, "an array", value)
        return list(value)

    def member(self, key: str, kind: type[E], default: E | None = None) -> E:
        """A member of a closed set, by its value."""
        value = self._value(key, default)
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(str(each.value) for each in kind)
            raise self._error(key, f"one of {allowed}", value) from None

    def _value(self, key: str, default: Any) -> Any:
        value = self._data.get(key)
        if value is not None:
            return value
        if default is None:
            raise ValueError(f"{self._where}.{key}: is missing")
        return default

    def _error(self, key: str, wanted: str, value: object) -> ValueError:
        # The type and not the value: it may be somebody's text.
        return ValueError(f"{self._where}.{key}: {wanted} is needed, not {type(value).__name__}")
