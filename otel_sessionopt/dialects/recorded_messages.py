"""Request and response of a model call as a library recorded them whole: messages, and the id of the response."""

from __future__ import annotations

import re
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.message_history import INPUT_MESSAGES, OUTPUT_MESSAGES

# Ids of OpenAI (chat completions, responses) and Anthropic.
_RESPONSE_ID: Final = re.compile(r'"id": ?"((?:chatcmpl-|resp_|msg_)[\w-]{8,100})"')
# The id stands at one of the ends of a response, before or after its text.
_SEARCHED_CHARS: Final = 2_000


def model_messages(request: object, response: object) -> dict[str, Any]:
    """What a recorded request and response say, under OTel names; `None` = not recorded."""
    facts = {
        INPUT_MESSAGES: request,
        OUTPUT_MESSAGES: response,
        semconv.RESPONSE_ID: find_response_id(response),
    }
    return {name: value for name, value in facts.items() if value is not None}


def find_response_id(response: object) -> str | None:
    """Joins a call with the same call as another library sees it; `None` where the text of the response has no id."""
    if not isinstance(response, str):
        return None
    found = _RESPONSE_ID.search(response, 0, _SEARCHED_CHARS)
    if found is None and len(response) > _SEARCHED_CHARS:
        found = _RESPONSE_ID.search(response, len(response) - _SEARCHED_CHARS)
    return None if found is None else found[1]
