"""The words of a result as hashes: enough to say that a word does not occur in it, too little to say what does.

What a file or search shows may name what is asked for next. A word is a name as programs have them, in lower case and
without its underscores: `user_service` and `UserService` are one. Up to 100 words are kept as 16 bits of their hashes,
more of them as marks in a field of bits. Longer texts may contain anything. All bounds can only make a word occur that
does not.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

# 200 bytes a result: beside the rest of a digest it stays below the 700 that a buffered span may take.
_MAX_HASHES: Final = 100
_FIELD_BYTES: Final = 199  # odd, as no list of hashes is
_FIELD_BITS: Final = 8 * _FIELD_BYTES
# With more words than this, most of the bits are set; to look for them takes the time of ten spans.
_MAX_CHARS: Final = 4_000
_HASH_MASK: Final = 0xFFFF
_SEPARATE: Final = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
_LEAST_CHARS: Final = 2


def words_of(text: str) -> bytes | None:
    """What is kept of the words of a result; `None` where it may contain any word."""
    if len(text) > _MAX_CHARS:
        return None
    hashes = {hash(word) & _HASH_MASK for word in set(_split(text)) if not word.isdigit()}
    if len(hashes) <= _MAX_HASHES:
        return array("H", hashes).tobytes()
    field = bytearray(_FIELD_BYTES)
    for value in hashes:
        place = value % _FIELD_BITS
        field[place >> 3] |= 1 << (place & 7)
    return bytes(field)


def occurs(name: str, results: Iterable[bytes | None]) -> bool:
    """Whether one of the results may contain a name, with all of the words that it is made of.

    A name that is not plain ASCII, or has no word, may occur anywhere.
    """
    if not name.isascii():
        return True
    wanted = {hash(word) & _HASH_MASK for word in _split(name) if len(word) >= _LEAST_CHARS}
    return any(known is None or all(_has(known, value) for value in wanted) for known in results)


def _split(text: str) -> list[bytes]:
    return text.encode("utf-8", "replace").translate(_SEPARATE, b"_").split()


def _has(known: bytes, value: int) -> bool:
    if len(known) != _FIELD_BYTES:
        return value in memoryview(known).cast("H")
    place = value % _FIELD_BITS
    return bool(known[place >> 3] & 1 << (place & 7))
