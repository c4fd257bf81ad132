"""Reading single attribute values of any type without raising and without inventing anything.

Values come from whoever made the span: wrong types, huge strings, NaN, JSON that a length limit has cut. Every function
here gives either what the value plainly says or `None`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, Final, NamedTuple

# Names, models, agents: longer than this is no name. Shorter strings are shared between digests.
MAX_NAME_CHARS: Final = 200
# No model call has a trillion tokens; such a number is a time stamp or an overflow.
MAX_COUNT: Final = 10**12

_HASH_MASK: Final = (1 << 60) - 1

_decode = json.JSONDecoder().raw_decode
_JSON_START: Final = ("{", "[", '"')
_MEMBER: Final = re.compile(
    r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*'  # key
    # a scalar, whole because something follows it
    r'("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*([,}])',
    re.DOTALL,
)
_NEXT_KEY: Final = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:')


class Structure(NamedTuple):
    """A structural value, parsed.

    Attributes:
        value: mapping, sequence, number …; the text itself where it is no JSON.
        warning: `invalid-json` or `cut-value` where the text looks like JSON and is none; else `None`.
    """

    value: Any
    warning: str | None = None


def read_text(value: object) -> str | None:
    """A non-empty string of at most `MAX_NAME_CHARS` characters, shared with equal ones; else `None`."""
    if not isinstance(value, str) or not value:
        return None
    # Slicing makes a plain string of a string enum, which could not be shared.
    return sys.intern(value if type(value) is str and len(value) <= MAX_NAME_CHARS else value[:MAX_NAME_CHARS])


def read_id(value: object) -> str | None:
    """Like `read_text` for values that hardly ever occur twice, which it would not pay to share."""
    return value[:MAX_NAME_CHARS] if isinstance(value, str) and value else None


def read_count(value: object) -> int | None:
    """A count ≥ 0 from an int, a whole float or a string of digits; else `None` (bool, NaN, negative, absurd)."""
    if type(value) is int:  # nearly all are
        return value if 0 <= value <= MAX_COUNT else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        count = int(value)
    elif isinstance(value, float):
        if not value.is_integer():  # false for NaN and infinities
            return None
        count = int(value)
    elif isinstance(value, str) and len(value) <= 15 and value.isascii() and value.isdigit():
        count = int(value)
    else:
        return None
    return count if 0 <= count <= MAX_COUNT else None


def read_integer(value: object) -> int | None:
    """Any whole number within ± `MAX_COUNT`; else `None`."""
    if isinstance(value, str):
        is_negative, magnitude = value[:1] == "-", read_count(value.removeprefix("-"))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        is_negative, magnitude = value < 0, read_count(abs(value))
    else:
        return None
    return -magnitude if is_negative and magnitude is not None else magnitude


def read_flag(value: object) -> bool:
    """Whether the value says yes: `True`, or the text `true` in any case."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def read_usd(value: object) -> Decimal | None:
    """A finite amount ≥ 0; else `None`."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)) or len(str(value)) > 40:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def read_structure(value: object) -> Structure:
    """Parse a value that should be structural: JSON text is decoded, anything else is given back as it is."""
    if not isinstance(value, str):
        return Structure(value)
    text = value.strip()
    if not text.startswith(_JSON_START):
        return Structure(value)
    try:
        parsed, end = _decode(text)
    except (ValueError, RecursionError):  # RecursionError: nested deeper than the interpreter's stack
        return Structure(value, "cut-value" if is_cut(text) else "invalid-json")
    return Structure(parsed) if end == len(text) else Structure(value, "invalid-json")


def is_cut(text: str) -> bool:
    """Whether a text that starts as JSON lacks its end, as a length limit leaves it."""
    return text[-1:] != {"{": "}", "[": "]", '"': '"'}.get(text[:1], "") or text == '"'


def whole_members(text: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is certain in a JSON object that was cut: its leading scalar members, and the names seen after them.

    Members after the first value that is cut, nested or broken are unknown, so that nothing may be concluded from
    the absence of a key.
    """
    members: dict[str, Any] = {}
    position = text.find("{") + 1
    if position == 0:
        return members, ()
    while match := _MEMBER.match(text, position):
        try:
            members[match[1]] = _decode(match[2])[0]
        except ValueError:
            break
        position = match.end()
    rest = _NEXT_KEY.match(text, position)
    return members, (rest[1],) if rest else ()


def hash_text(text: str) -> int:
    """Hash of a text, the same in every process. 60 bits, because an int with more takes four bytes more."""
    # surrogatepass: lone surrogates occur where JSON escapes were cut in half
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") & _HASH_MASK


def canonical_json(value: object) -> str | None:
    """JSON with sorted keys and no white space; `None` for what cannot be written so (too deep, mixed keys)."""
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: object) -> object:
    """What JSON has no form for, in a form that is the same for equal values."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(type(value).__name__)


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain).encode
