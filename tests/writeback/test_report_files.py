"""Report files: whole or not there, private, and named safely."""

from __future__ import annotations

import json
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from otel_sessionopt.errors import ConfigError
from otel_sessionopt.report import as_html, as_markdown, as_text
from otel_sessionopt.writeback import report_files
from otel_sessionopt.writeback.report_files import file_stem, replace_file, replaced_file, write_report
from tests.report.reports import quiet_session, report_of


def test_the_four_forms_stand_side_by_side(tmp_path: Path) -> None:
    report = report_of(quiet_session().session())
    paths = write_report(report, tmp_path)

    stem = "0af7651916cd43dd8448eb211c80319c_report"
    assert [path.name for path in paths] == [f"{stem}.json", f"{stem}.md", f"{stem}.txt", f"{stem}.html"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert json.loads(paths[0].read_text(encoding="utf-8")) == report.to_dict()
    assert paths[1].read_text(encoding="utf-8") == as_markdown(report)
    assert paths[2].read_text(encoding="utf-8") == as_text(report)
    assert paths[3].read_text(encoding="utf-8") == as_html(report)


def test_the_page_links_to_jaeger_where_its_address_is_given(tmp_path: Path) -> None:
    (path,) = write_report(report_of(quiet_session().session()), tmp_path, ["html"], jaeger_url="http://jaeger:16686/")

    assert 'href="http://jaeger:16686/trace/0af7651916cd43dd8448eb211c80319c"' in path.read_text(encoding="utf-8")


def test_the_folder_is_made_for_its_owner_only_and_so_are_files(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    paths = write_report(report_of(quiet_session().session()), folder, ["txt"])

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    paths = write_report(report_of(quiet_session().session()), Path("~/reports"), ["txt"])

    assert paths[0].parent == tmp_path / "reports"


def test_a_later_report_replaces_the_earlier_one(tmp_path: Path) -> None:
    report = report_of(quiet_session().session())
    write_report(report, tmp_path, ["json"])
    (path,) = write_report(replace(report, generated_at="later"), tmp_path, ["json"])

    assert json.loads(path.read_text(encoding="utf-8"))["generated_at"] == "later"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unknown_form_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="report format 'pdf' is unknown; known are json, md, txt"):
        write_report(report_of(quiet_session().session()), tmp_path / "x", ["json", "pdf"])

    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("session_id", "stem"),
    [
        ("0af7651916cd43dd8448eb211c80319c", "0af7651916cd43dd8448eb211c80319c"),
        ("my-session_1.2", "my-session_1.2"),
    ],
)
def test_harmless_ids_are_kept(session_id: str, stem: str) -> None:
    assert file_stem(session_id) == stem


@pytest.mark.parametrize(
    "session_id",
    ["", ".", "..", "../../etc/passwd", "a/b", "a\\b", "a:b", "CON", "nul.txt", ".hidden", "x" * 5_000, "日本", "a\0b"],
)
def test_other_ids_become_safe_and_stay_apart(session_id: str) -> None:
    stem = file_stem(session_id)

    assert stem.isascii()
    assert not set(stem) & set('/\\:\0*?"<>|')
    assert not stem.startswith(".")
    assert len(stem) <= 120
    assert stem != file_stem(session_id + "2")


def test_a_hostile_id_stays_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    report = replace(report_of(quiet_session().session()), session_id="../../escape")

    (path,) = write_report(report, folder, ["txt"])

    assert path.resolve().parent == folder.resolve()


def test_a_failure_leaves_no_temporary_file_and_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.txt"
    replace_file(path, "old")

    def full_disk(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, "new")

    assert [each.name for each in tmp_path.iterdir()] == ["r.txt"]
    assert path.read_text(encoding="utf-8") == "old"


def test_what_raises_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> None:
        with replaced_file(tmp_path / "r.json") as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("x", encoding="utf-8")

    with pytest.raises(OSError, match="reports"):
        write_report(report_of(quiet_session().session()), tmp_path / "reports", ["txt"])


def test_readers_never_see_a_part_while_many_write(tmp_path: Path) -> None:
    texts = {letter * 200_000 for letter in "abcd"}
    path = tmp_path / "r.txt"
    replace_file(path, "a" * 200_000)
    seen: set[str] = set()

    def write(letter: str) -> None:
        for _ in range(20):
            replace_file(path, letter * 200_000)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen.add(path.read_text(encoding="utf-8"))
    for thread in threads:
        thread.join()

    assert seen <= texts
    assert [each.name for each in tmp_path.iterdir()] == ["r.txt"]


def test_every_known_form_is_written_by_default() -> None:
    assert tuple(report_files.FORMATS) == ("json", "md", "txt", "html")
