"""Shell text into simple commands: words, redirections, heredocs and the pipes between them.

Not a shell: nothing is expanded. Only what decides which files a command touches is kept, and whatever cannot be
followed is marked, so that the reader of the words can say "may write" instead of guessing. `shlex` is not used: it
knows no operators, heredocs or substitutions and raises on unbalanced quotes, which agents write often.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Quotes within substitutions within quotes …; deeper text counts as not understood, which can hide a finding only.
MAX_DEPTH: Final = 20


class Word(NamedTuple):
    """One word with its quotes removed.

    Attributes:
        text: the characters; expansions stand in it as written.
        is_dynamic: holds a variable or substitution: what it stands for is not known.
        is_glob: holds an unquoted wildcard or brace list.
    """

    text: str
    is_dynamic: bool = False
    is_glob: bool = False

    @property
    def is_literal(self) -> bool:
        """Whether the word means exactly its text."""
        return not (self.is_dynamic or self.is_glob)


class Redirect(NamedTuple):
    """A redirection: operator without the descriptor, the descriptor (empty = default) and the target."""

    operator: str
    descriptor: str
    target: Word


class SimpleCommand(NamedTuple):
    """One command.

    Attributes:
        separator: the operator before it: empty, `|`, `&&`, `||`, `;`, a newline …
        depth: how many subshell parentheses are open around it.
    """

    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()
    heredoc: str | None = None
    separator: str = ""
    depth: int = 0


class Script(NamedTuple):
    """A whole command text.

    Attributes:
        commands: in order.
        substitutions: texts inside `$(…)`, backticks and `<(…)`: commands of their own.
        is_complete: every quote, parenthesis and heredoc was closed; otherwise the end is not understood.
    """

    commands: tuple[SimpleCommand, ...]
    substitutions: tuple[str, ...] = ()
    is_complete: bool = True


_TOKEN: Final = re.compile(
    r"""
      (?P<comment>(?<![^\s;&|()])\#[^\n]*)
    | (?P<plain>(?!\d*[<>])[^\s'"\\$`;&|()<>]+)
    | (?P<blank>(?:[ \t\r]|\\\r?\n)+)
    | (?P<newline>\n)
    | (?P<herestring><<<)
    | (?P<heredoc>\d*<<-?[ \t]*(?:'(?P<tag1>[^'\n]+)'|"(?P<tag2>[^"\n]+)"|\\?(?P<tag3>[\w.+-]+)))
    | (?P<process>[<>]\()
    | (?P<redirect>&>>?|\d*(?:>>|>\||>&|<&|<>|<|>))
    | (?P<operator>&&|\|\||\|&|;;&?|[;&|()])
    | (?P<single>\$?'[^']*')
    | (?P<double>"[^"\\$`]*")
    | (?P<arithmetic>\$\(\([^()]*\)\))
    | (?P<command>\$\()
    | (?P<backtick>`[^`]*`)
    | (?P<variable>\$(?:\{[^{}]*\}|[\w@*\#?!$-]))
    | (?P<escape>\\.)
    | (?P<quote>")
    | (?P<dollar>\$)
    """,
    re.VERBOSE | re.DOTALL,
)
# A PowerShell word may hold backslashes, its escape character is the backtick and `#{` … mean nothing to it.
_POWERSHELL_TOKEN: Final = re.compile(
    r"""
      (?P<comment>(?<![^\s;&|(){}])\#[^\n]*)
    | (?P<blank>(?:[ \t\r]|`\r?\n)+)
    | (?P<newline>\n)
    | (?P<redirect>\d?(?:>>|>&|>))
    | (?P<operator>&&|\|\||[;&|(){}])
    | (?P<single>'[^']*')
    | (?P<double>"[^"`$]*")
    | (?P<dynamic>"(?:[^"`]|`.)*")
    | (?P<variable>\$\w+(?::\w+)?)
    | (?P<escape>`.)
    | (?P<plain>[^\s'"`$;&|(){}>]+)
    | (?P<dollar>[$@])
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_QUOTES: Final = re.compile(r'[^"\\$`]+|\\.|\$\(|\$|`[^`]*`|"', re.DOTALL)
_IN_PARENTHESES: Final = re.compile(
    r"""
      <<-?[ \t]*['"\\]?(?P<tag>[\w.+-]+)['"]?
    | '[^']*'
    | "(?:[^"\\$`]|\\.|\$(?!\())*"
    | \\.
    | (?P<open>\()
    | (?P<close>\))
    | (?P<quote>")
    | [^'"\\()<]+
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_BARE: Final = re.compile(r"[\w ./:=@,+%-]*")
_GLOB: Final = re.compile(r"[*?\[]|\{[^{}]*,[^{}]*\}|\{[^{}]*\.\.[^{}]*\}")


def split_script(text: str) -> Script:
    """Split a command text of a POSIX shell."""
    if _BARE.fullmatch(text) is not None:  # one command without quotes and operators: most short ones
        return Script((SimpleCommand(tuple([Word(word) for word in text.split()])),) if text.strip() else ())
    return _Splitter(text, _TOKEN).split()


def split_powershell(text: str) -> Script:
    """Split a PowerShell command text: pipelines and words only, script blocks are split like the rest."""
    return _Splitter(text, _POWERSHELL_TOKEN).split()


class _Splitter:
    """State of one pass over a command text."""

    def __init__(self, text: str, token: re.Pattern[str]) -> None:
        self._text = text
        self._token = token
        self._commands: list[SimpleCommand] = []
        self._substitutions: list[str] = []
        self._words: list[Word] = []
        self._redirects: list[Redirect] = []
        self._pending_redirect: tuple[str, str] | None = None
        self._pending_heredocs: list[tuple[str, int]] = []  # end tag, index of the command that it belongs to
        self._separator = ""
        self._depth = 0
        self._fragments: list[str] = []
        self._is_word = self._is_dynamic = self._is_glob = False

    def split(self) -> Script:
        text, length, position = self._text, len(self._text), 0
        match = self._token.match
        is_complete = True
        while position < length:
            token = match(text, position)
            if token is None:  # an unclosed quote or a stray backslash at the end
                is_complete = False
                break
            kind = token.lastgroup
            # These two are most of all tokens.
            if kind == "plain":
                written = token.group()
                self._add(written, is_glob=_GLOB.search(written) is not None)
                position = token.end()
            elif kind == "blank":
                self._end_word()
                position = token.end()
            else:
                position = self._take(kind or "", token)
                if position < 0:
                    is_complete = False
                    break
        self._end_command("")
        return Script(tuple(self._commands), tuple(self._substitutions), is_complete and not self._pending_heredocs)

    def _take(self, kind: str, token: re.Match[str]) -> int:
        """Use one token; gives where to go on, or -1 where nothing more is understood."""
        written, end = token.group(), token.end()
        if kind in ("single", "double"):
            self._add(written[written.index(written[-1]) + 1 : -1])
        elif kind == "escape":
            self._add(written[1:])
        elif kind in ("variable", "dollar", "arithmetic", "dynamic"):
            self._add(written, is_dynamic=True)
        elif kind == "backtick":
            self._substitutions.append(written[1:-1])
            self._add(written, is_dynamic=True)
        elif kind in ("operator", "newline"):
            self._end_command("\n" if kind == "newline" else written)
            self._depth = max(self._depth + (written == "(") - (written == ")"), 0)
            if kind == "newline" and self._pending_heredocs:
                end = self._take_heredocs(end)
        elif kind == "redirect":
            self._end_word()
            operator = written.lstrip("0123456789")
            self._pending_redirect = (operator, written[: len(written) - len(operator)])
        elif kind == "heredoc":
            self._end_word()
            self._pending_heredocs.append((token["tag1"] or token["tag2"] or token["tag3"], len(self._commands)))
        elif kind == "herestring":
            self._end_word()
            self._pending_redirect = ("<<<", "")
        elif kind == "comment":
            pass
        elif kind in ("command", "process"):
            end = self._take_substitution(token.start(), end)
        else:  # a double quote that holds a substitution or a variable
            end = self._take_quotes(end)
        return end

    def _take_substitution(self, start: int, position: int) -> int:
        end = _closing_parenthesis(self._text, position)
        if end >= 0:
            self._substitutions.append(self._text[position : end - 1])
            self._add(self._text[start:end], is_dynamic=True)
        return end

    def _take_quotes(self, position: int) -> int:
        """The rest of a double-quoted text; `position` is after its opening quote."""
        while part := _IN_QUOTES.match(self._text, position):
            written, position = part.group(), part.end()
            if written == '"':
                self._add("")
                return position
            if written == "$(":
                position = self._take_substitution(part.start(), position)
                if position < 0:
                    return -1
            elif written[0] == "\\":
                self._add(written[1:] if written[1] in '"\\$`\n' else written)
            else:
                if written[0] == "`":
                    self._substitutions.append(written[1:-1])
                self._add(written, is_dynamic=written[0] in "$`")
        return -1

    def _take_heredocs(self, position: int) -> int:
        """The bodies after a line with `<<`; gives the place after the last one."""
        while self._pending_heredocs:
            tag, owner = self._pending_heredocs[0]
            end = _heredoc_end(tag).search(self._text, position)
            if end is None:
                return -1
            del self._pending_heredocs[0]
            if owner < len(self._commands):
                self._commands[owner] = self._commands[owner]._replace(heredoc=self._text[position : end.start()])
            position = min(end.end() + 1, len(self._text))
        return position

    def _add(self, fragment: str, *, is_dynamic: bool = False, is_glob: bool = False) -> None:
        self._fragments.append(fragment)
        self._is_word = True
        self._is_dynamic |= is_dynamic
        self._is_glob |= is_glob

    def _end_word(self) -> None:
        if not self._is_word:
            return
        fragments = self._fragments
        word = Word(fragments[0] if len(fragments) == 1 else "".join(fragments), self._is_dynamic, self._is_glob)
        fragments.clear()
        self._is_word = self._is_dynamic = self._is_glob = False
        if self._pending_redirect is not None:
            self._redirects.append(Redirect(*self._pending_redirect, word))
            self._pending_redirect = None
        else:
            self._words.append(word)

    def _end_command(self, separator: str) -> None:
        self._end_word()
        if self._words or self._redirects:
            self._commands.append(
                SimpleCommand(tuple(self._words), tuple(self._redirects), None, self._separator, self._depth)
            )
            self._words, self._redirects = [], []
            self._separator = separator
        elif separator and not (separator == "\n" and self._separator == "|"):
            # `a |` newline `b` is still a pipe; `a; (b)` is not
            self._separator = separator
        self._pending_redirect = None


def _heredoc_end(tag: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*{re.escape(tag)}[ \t\r]*$", re.MULTILINE)


def _closing_parenthesis(text: str, position: int, depth: int = 0) -> int:
    """The place after the parenthesis that closes the one before `position`, or -1."""
    if depth > MAX_DEPTH:
        return -1
    open_count = 1
    while part := _IN_PARENTHESES.match(text, position):
        position = part.end()
        if part["open"]:
            open_count += 1
        elif part["close"]:
            open_count -= 1
            if open_count == 0:
                return position
        elif part["tag"]:
            end = _heredoc_end(part["tag"]).search(text, position)
            if end is None:
                return -1
            position = end.end()
        elif part["quote"]:
            position = _closing_quote(text, position, depth)
            if position < 0:
                return -1
    return -1


def _closing_quote(text: str, position: int, depth: int) -> int:
    """The place after the double quote that closes the one before `position`, or -1."""
    while part := _IN_QUOTES.match(text, position):
        position = part.end()
        if part.group() == '"':
            return position
        if part.group() == "$(":
            position = _closing_parenthesis(text, position, depth + 1)
            if position < 0:
                return -1
    return -1
