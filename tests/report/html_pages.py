"""Reading HTML pages in tests: what elements they have, what they refer to, whether anything stands open."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})
OUR_ELEMENTS = frozenset(
    {"html", "head", "meta", "title", "style", "script", "body", "header", "main", "section", "article", "form", "a"}
    | {"h1", "h2", "h3", "h4", "p", "b", "i", "strong", "em", "span", "bdi", "code", "pre", "br", "div", "output"}
    | {"ol", "ul", "li", "dl", "dt", "dd", "figure", "figcaption", "details", "summary", "label", "select", "option"}
    | {"table", "thead", "tbody", "tfoot", "tr", "th", "td"}
    | {"svg", "defs", "pattern", "g", "path", "rect", "circle", "line", "text", "use"}
)
_SELF_CLOSING = frozenset({"path", "rect", "circle", "line", "use"})


class Page(HTMLParser):
    """One parsed page.

    Attributes:
        elements: how often each occurs.
        attributes: (element, name, value) of all.
        errors: end tags that close nothing, and elements that stay open.
        texts: by element, its texts.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.errors: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.errors += [f"<{tag}> stays open" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._started(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._started(tag, attrs)
        if tag not in VOID | _SELF_CLOSING:
            self.errors.append(f"<{tag}/> does not close itself in HTML")

    def _started(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.errors.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data.strip()))

    def values(self, name: str) -> list[str]:
        """Values of one attribute."""
        return [value for _, own, value in self.attributes if own == name]


def check_page(text: str) -> Page:
    """A whole page of our own elements, that refers to nothing outside and lets nothing else run."""
    page = Page(text)
    assert page.errors == []
    assert set(page.elements) <= OUR_ELEMENTS
    assert page.elements["script"] == page.elements["style"] == page.elements["h1"] == page.elements["main"] == 1
    names = {name for _, name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on") or name in ("style", "src", "action", "srcset")}
    assert all(value.startswith(("#", "http://", "https://")) for value in page.values("href"))
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert policy.startswith("default-src 'none'; ")
    for element in ("style", "script"):
        (body,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert f"{element}-src 'sha256-{b64encode(sha256(body.encode()).digest()).decode()}'" in policy
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in page.values("href") if value.startswith("#")} <= set(ids)
    return page
