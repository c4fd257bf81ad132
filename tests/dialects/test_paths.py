from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.paths import MAX_PATH_CHARS, normalise_path


@pytest.mark.parametrize(
    ("path", "workdir", "expected"),
    [
        ("/a/b.py", None, "/a/b.py"),
        ("/a/b.py", "/w", "/a/b.py"),
        ("b.py", "/w", "/w/b.py"),
        ("./b.py", "/w", "/w/b.py"),
        ("b.py", "/w/", "/w/b.py"),
        ("./b.py", None, "b.py"),
        ("../b.py", "/w/x", "/w/b.py"),
        ("/a//x/./../b.py", None, "/a/b.py"),
        ("src/", "/w", "/w/src"),
        (".", "/w", "/w"),
        ("/", None, "/"),
        ("..b/c.", "/w", "/w/..b/c."),
        ("~/x.md", "/w", "~/x.md"),
        ("file:///a/b%20c.py", None, "/a/b c.py"),
        ("file://localhost/a.py", None, "/a.py"),
        ("file:///C:/x/a.py", None, "C:\\x\\a.py"),
        ("C:\\x\\a.py", "/w", "C:\\x\\a.py"),
        ("C:/x/a.py", None, "C:\\x\\a.py"),
        ("src\\a.py", "C:\\repo", "C:\\repo\\src\\a.py"),
        ("\\\\server\\share\\a.py", None, "\\\\server\\share\\a.py"),
        ("https://x/y", "/w", "https://x/y"),
        ("  a.py ", "/w", "/w/a.py"),
    ],
)
def test_one_file_has_one_path(path: str, workdir: str | None, expected: str) -> None:
    assert normalise_path(path, workdir) == expected


@pytest.mark.parametrize("path", ["", "   ", "a\nb", "a\0b", "x" * (MAX_PATH_CHARS + 1)])
def test_what_cannot_be_a_path_is_none(path: str) -> None:
    assert normalise_path(path, "/w") is None


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=30), st.none() | st.text(max_size=10))
def test_normalising_twice_is_normalising_once(path: str, workdir: str | None) -> None:
    once = normalise_path(path, workdir)

    if once is not None and once.startswith(("/", "C:\\")):
        assert normalise_path(once, workdir) == once.strip()
