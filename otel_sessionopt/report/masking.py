"""Text from spans, made fit to show: secrets masked, control characters visible, length bounded.

Every string that a report takes from a session goes through here once, so no renderer has to think of it again.
The list of secrets is conservative: known token formats, values of names that say "secret", and long random-looking
assignment values. Git hashes, UUIDs, paths and ordinary code stay readable.

Source of the token formats: the issuers' own documentation of their prefixes (AWS, GitHub, GitLab, OpenAI, Anthropic,
Slack, Google, Stripe, npm, PyPI, Hugging Face).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

MASK: Final = "[masked]"
TEXT_LIMIT: Final = 200
"""Characters of one path, query or command that a report shows."""
SENTENCE_LIMIT: Final = 500
"""Characters of a whole sentence: one cut text and the words around it."""
_SCAN_LIMIT: Final = 4_096
"""Characters looked at: bounds the work, and what is behind them would be cut away anyway."""
_SHORT: Final = 20  # the shortest known token, an AWS key id, has 20 characters
_DEPTH_LIMIT: Final = 6
_ITEM_LIMIT: Final = 200

_NOT_A_VALUE: Final = re.compile(
    r"""(?ix) ^(?:
        [$%<{*\[].* | \.\.\.+ | …                                  # a variable, a placeholder, already masked
      | none | null | nil | undefined | true | false | yes | no
      | (?:typing\.)?optional\b.* | str(?:ing)? | bytes | int(?:eger)? | bool(?:ean)? | number | any | object | text
      | (?:os\.)?(?:environ|getenv)\b.* | process\.env\b.* | env\b.* | getpass\b.* | input\b.* | self\.\w+ | args\.\w+
    )$"""
)
_VALUE: Final = r"""(?:"[^"]*"|'[^']*'|\\"(?:[^"\\]|\\[^"])*\\"|[^\s"'&;,|<>()\\]+)"""
_NAME_END: Final = r"""(?P<sep>\\?["']?\s*(?:=>|:=|[=:])\s*)"""
_STRONG: Final = (
    r"pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key"
    r"|encryption[_-]?key|signing[_-]?key|token|bearer|pgpass(?:word)?"
)
_TOKEN: Final = re.compile(
    r"""(?x) (?<![A-Za-z0-9_-]) (?:
        (?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,}
      | glpat-[A-Za-z0-9_-]{20,}
      | sk-(?:ant|proj|svcacct|admin|or|lf)-[A-Za-z0-9_-]{16,} | sk-[A-Za-z0-9]{20,}
      | xox[abeoprs]-[A-Za-z0-9-]{10,} | xapp-[0-9]-[A-Za-z0-9-]{10,}
      | AIza[A-Za-z0-9_-]{35} | ya29\.[A-Za-z0-9_-]{20,} | GOCSPX-[A-Za-z0-9_-]{20,}
      | [rs]k_(?:live|test)_[A-Za-z0-9]{16,} | whsec_[A-Za-z0-9]{16,}
      | npm_[A-Za-z0-9]{36} | pypi-[A-Za-z0-9_-]{50,} | hf_[A-Za-z]{30,} | gsk_[A-Za-z0-9]{30,} | xai-[A-Za-z0-9]{30,}
      | dop_v1_[a-f0-9]{64} | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,} | AGE-SECRET-KEY-1[A-Z0-9]{20,}
      | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?
    )"""
)
_SLACK_HOOK: Final = re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9_/-]+")
_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)")
_URL_PASSWORD: Final = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,20}://)([^\s/:@]*):[^\s/]+@")
_URL_TOKEN: Final = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,20}://)[^\s/:@]{20,}@")
_AUTHORIZATION: Final = re.compile(
    r"""(?ix)\b((?:proxy-)?authorization\\?["']?\s*[:=]\s*\\?["']?)(?:(bearer|basic|token|digest|negotiate|apikey)\s+)?[^\s"'\\]+"""
)
_BEARER: Final = re.compile(r"(?i)\b(bearer\s+)(?=[^\s\"']*\d)[A-Za-z0-9._~+/=-]{12,}")
_COOKIE: Final = re.compile(r"""(?i)\b((?:set-)?cookie\\?["']?\s*:\s*\\?["']?)[^\s=;"']+=[^"']*""")
_CURL_USER: Final = re.compile(
    r"""(\b(?:curl|wget|http)\b.{0,400}?\s(?:-u|--user|--proxy-user)[ =]*["']?[^\s:"']+:)[^\s"']+"""
)
_PASSWORD_OPTION: Final = re.compile(r"(\b(?:sshpass\s+-p\s*|mysql(?:dump|admin)?\b[^|;&]{0,400}?\s-p))(?=\S)[^\s]+")
_FLAG: Final = re.compile(rf"(?i)(?<!\S)(--?[\w-]*(?:{_STRONG})(?:\s+|=))(?!-)(?P<value>{_VALUE})")
_NAMED: Final = re.compile(rf"(?i)(?<![\w.-])(?P<name>[\w.-]*(?:{_STRONG})(?:_?\d+)?){_NAME_END}(?P<value>{_VALUE})")
_ASSIGNED: Final = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]+)(?P<sep>\\?["']?\s?[=:]\s?\\?["']?)(?P<value>[A-Za-z0-9+/_~-]{16,}={0,2})(?![\w.])"""
)
_KEY_NAME: Final = re.compile(r"(?i)(?:^|[_.-])(?:key|sig|signature|auth|credentials?|session(?:_?id)?|sas)$")

_REMEMBERED_CHARS: Final = 400


def clean_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` on one line, with secrets masked, invisible characters spelled out, and at most `limit` characters.

    Tabs and line breaks become spaces; other control characters, ANSI escapes, bidirectional marks and lone surrogates
    are written as `\\x1b`, `\\u202e` and the like, so that they show as text in every form of the report. A text that
    was cut ends in `…`. Never raises; cleaning a cleaned text changes nothing but its length.
    """
    if len(text) < _SHORT and text.isalnum():  # span ids and words: no secret is that short without a name before it
        return text
    return _clean_remembered(text, limit) if len(text) <= _REMEMBERED_CHARS else _clean(text, limit)


def _clean(text: str, limit: int) -> str:
    scanned = text[:_SCAN_LIMIT]
    shown = mask_secrets(_visible(scanned))
    if len(text) > len(scanned):
        # A secret that the scan cut in two would not be recognised: its head is the last word, so that word goes.
        shown = shown.rstrip().rpartition(" ")[0] + "…" if len(shown) <= limit else shown
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


# The same paths, commands and suggestions come in report after report; the bounds keep it under a few megabytes.
_clean_remembered = lru_cache(maxsize=4096)(_clean)


def clean_value(value: Any, limit: int = TEXT_LIMIT, _depth: int = 0) -> Any:
    """`value` as JSON can hold it, every text in it cleaned. Anything unknown is shown as text; nesting is bounded."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return clean_text(value, limit)
    if _depth >= _DEPTH_LIMIT:
        return "…"
    if isinstance(value, Mapping):
        items = list(value.items())[:_ITEM_LIMIT]
        return {_clean_key(str(key), limit): _clean_entry(str(key), item, limit, _depth) for key, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        members = sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
        return [clean_value(member, limit, _depth + 1) for member in members[:_ITEM_LIMIT]]
    return clean_text(str(value), limit)


def _clean_key(key: str, limit: int) -> str:
    return key if key.isascii() and key.isidentifier() and len(key) <= limit else clean_text(key, limit)


def _clean_entry(key: str, value: Any, limit: int, depth: int) -> Any:
    """A mapping's value; masked whole where its key says that it is a secret."""
    is_secret = _STRONG_SIGN.search(key.lower()) is not None and _NAMED.fullmatch(f"{key}=x") is not None
    if is_secret and isinstance(value, str) and value and not _NOT_A_VALUE.match(value):
        return MASK
    return clean_value(value, limit, depth + 1)


def mask_secrets(text: str) -> str:
    """`text` with everything that looks like a secret replaced by `[masked]`."""
    lowered = text.lower()
    # Most texts have no sign of any secret, and looking for signs costs a tenth of looking for secrets.
    found = {sign for sign in _SIGNS if sign in lowered}
    if not found:
        return text
    for signs, further_sign, pattern, replacement in _MASKS:
        if not found.isdisjoint(signs) and further_sign.search(lowered):
            text = pattern.sub(replacement, text)
    return text


def secrets_in(text: str) -> frozenset[str]:
    """The words of `text` that masking takes away. For texts derived from it, in which a secret stands alone."""
    scanned = text[:_SCAN_LIMIT]
    words = {word for word in _WORD.findall(scanned) if len(word) >= _SECRET_LENGTH}
    return frozenset(words - set(_WORD.findall(mask_secrets(_visible(scanned))))) if words else frozenset()


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _spelled_out(char) for char in text)


def _spelled_out(char: str) -> str:
    if char.isspace():
        return " "
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _mask_named(match: re.Match[str]) -> str:
    """Mask `name=value`, unless the value is plainly none: a variable, a type, a literal."""
    value = match["value"]
    bare = value.strip("\\\"'")
    if not bare or _NOT_A_VALUE.match(bare) or bare == MASK:
        return match[0]
    is_path = bare.startswith(("/", "~", "./", "../"))
    if is_path and match["name"].lower().endswith("pwd"):  # $PWD is a folder
        return match[0]
    if match["sep"].strip().endswith(":") and value == bare and not _has_value_shape(bare):
        return match[0]
    return f"{match['name']}{match['sep']}{_quoted_like(value)}"


def _has_value_shape(value: str) -> bool:
    """Whether `value` behind a colon may be a value: code writes types there (`token: AccessToken | None`)."""
    return not re.fullmatch(r"[A-Z][A-Za-z]*(?:\[.*\]?)?", value)


def _mask_flag(match: re.Match[str]) -> str:
    value = match["value"]
    return match[0] if _NOT_A_VALUE.match(value.strip("\\\"'")) else f"{match[1]}{_quoted_like(value)}"


def _mask_assigned(match: re.Match[str]) -> str:
    is_key = _KEY_NAME.search(match["name"]) is not None
    if not is_random_looking(match["value"], minimum=16 if is_key else 24):
        return match[0]
    return f"{match['name']}{match['sep']}{MASK}"


def _mask_authorization(match: re.Match[str]) -> str:
    if _NOT_A_VALUE.match(match[0][len(match[1]) :]):
        return match[0]
    scheme = f"{match[2]} " if match[2] else ""
    return f"{match[1]}{scheme}{MASK}"


def _quoted_like(value: str) -> str:
    for quote in ('\\"', '"', "'"):
        if value.startswith(quote):
            return f"{quote}{MASK}{quote}"
    return MASK


def is_random_looking(value: str, *, minimum: int = 24) -> bool:
    """Whether `value` looks generated: lower, upper and digits, high entropy, and a class that changes all the time.

    Hex digests and UUIDs have no upper case and stay readable; words and paths keep to one class for several letters
    (a random string changes class at 62 % of its places, `MyProjectOutputsFinalRelease2` at 36 %).
    """
    body = value.rstrip("=")
    if len(body) < minimum or body.startswith(("/", "./", "~/")):
        return False
    classes = ["l" if c.islower() else "u" if c.isupper() else "d" if c.isdigit() else "s" for c in body]
    if not {"l", "u", "d"} <= set(classes):
        return False
    pairs = [(a, b) for a, b in pairwise(classes) if "s" not in (a, b)]
    changes = sum(a != b for a, b in pairs) / max(len(pairs), 1)
    counts = Counter(body)
    entropy = -sum(n / len(body) * math.log2(n / len(body)) for n in counts.values())
    # 3.0 bits at 16 characters (the most possible is 4.0), 3.5 from 24 characters up
    return changes >= 0.45 and entropy >= (3.0 if len(body) < 24 else 3.5)


_WORD: Final = re.compile(r"""[^\s"'`=:,;&|<>()\[\]{}]+""")
_SECRET_LENGTH: Final = 4
"""Shorter words occur by chance in other places."""
_Replacement = str | Callable[[re.Match[str]], str]
_STRONG_SIGNS: Final = frozenset({"pass", "pwd", "secret", "key", "token", "bearer"})
_TOKEN_SIGNS: Final = frozenset(
    {"akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-", "xox", "xapp-", "aiza"}
    | {"ya29.", "gocspx-", "k_live_", "k_test_", "whsec_", "npm_", "pypi-", "hf_", "gsk_", "xai-", "dop_v1_", "sg."}
    | {"age-secret-key-", "eyj"}
)
_STRONG_SIGN: Final = re.compile("|".join(sorted(_STRONG_SIGNS)))
_ANY: Final = re.compile("")
_ASSIGNING: Final = re.compile("[=:]")
# (lower-case signs of which one must occur, a further sign that must, pattern, replacement). Order matters: whole
# blocks and URLs first, then known formats, then names, and random-looking values last.
_MASKS: Final[tuple[tuple[frozenset[str], re.Pattern[str], re.Pattern[str], _Replacement], ...]] = (
    (frozenset({"-----begin"}), _ANY, _PEM, MASK),
    (frozenset({"://"}), re.compile("@"), _URL_PASSWORD, rf"\1\2:{MASK}@"),
    (frozenset({"://"}), re.compile("@"), _URL_TOKEN, rf"\1{MASK}@"),
    (frozenset({"hooks.slack.com"}), _ANY, _SLACK_HOOK, rf"\1{MASK}"),
    (_TOKEN_SIGNS, _ANY, _TOKEN, MASK),
    (frozenset({"authorization"}), _ASSIGNING, _AUTHORIZATION, _mask_authorization),
    (frozenset({"bearer"}), _ANY, _BEARER, rf"\1{MASK}"),
    (frozenset({"cookie"}), _ASSIGNING, _COOKIE, rf"\1{MASK}"),
    (frozenset({"curl", "wget", "http"}), re.compile(r"\s(?:-u|--(?:proxy-)?user)"), _CURL_USER, rf"\1{MASK}"),
    (frozenset({"sshpass", "mysql"}), re.compile(r"\s-p"), _PASSWORD_OPTION, rf"\1{MASK}"),
    (_STRONG_SIGNS, re.compile("-"), _FLAG, _mask_flag),
    (_STRONG_SIGNS, _ASSIGNING, _NAMED, _mask_named),
    (frozenset({"=", ":"}), _ANY, _ASSIGNED, _mask_assigned),
)
_SIGNS: Final = tuple(sorted(frozenset().union(*(signs for signs, *_ in _MASKS))))
