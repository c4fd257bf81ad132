"""From characters to tokens where a source tells only the size of a text."""

from __future__ import annotations

from typing import Final

CHARS_PER_TOKEN: Final = 4
"""Characters a token stands for: the providers' rule of thumb for English text. Code and numbers have fewer a token, so
that sizes which come from it are low rather than high. Source: OpenAI help, "What are tokens and how to count them".
"""


def tokens_from_chars(chars: int) -> int:
    """Tokens of a text of `chars` characters, rounded up."""
    return -(-chars // CHARS_PER_TOKEN)
