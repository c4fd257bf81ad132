"""Errors that this package raises on purpose; everything else is a bug."""

from __future__ import annotations


class SessionOptError(Exception):
    """Base of all errors of this package. The message says what, which value, and what to do."""


class ConfigError(SessionOptError):
    """A setting is unknown, of the wrong type or out of range. The message names its source (file, variable, flag)."""


class InputError(SessionOptError):
    """Input that cannot be read as what it should be.

    Attributes:
        source: file name, or `-` for standard input.
        position: where in it, as a person would look it up (`line 3`, `byte 4096`); empty when the whole is meant.
        reason: what is wrong and what is allowed.
    """

    def __init__(self, source: str, position: str, reason: str) -> None:
        self.source = source
        self.position = position
        self.reason = reason
        super().__init__(": ".join(part for part in (source, position, reason) if part))


class RecordingError(SessionOptError, ValueError):
    """What cannot be recorded or asked for: an id that is taken, an unknown type or format, negative tokens."""


class StoreError(SessionOptError):
    """The history cannot be read or written: a full disk, a folder without permission, a file of a later version."""
