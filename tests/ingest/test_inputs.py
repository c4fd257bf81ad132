from __future__ import annotations

import os
from pathlib import Path

import pytest

from otel_sessionopt.ingest.inputs import InputFile, find_inputs
from tests.ingest.otlp_samples import Errors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in [
        "b.jsonl",
        "a.JSON",
        "c.pb.gz",
        "notes.txt",
        "d.json.bak",
        "deep/e.ndjson.zst",
        "deep/er/f.otlp",
        ".git/config.json",
        "node_modules/x/package.json",
        "g.jsonl.xz",
        ".hidden.jsonl",
    ]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return tmp_path


def found(paths: list[str | Path], folder: Path, errors: Errors | None = None) -> list[str]:
    files = find_inputs(paths, errors if errors is not None else Errors())
    return [os.path.relpath(file.source, folder) for file in files]


def test_a_folder_is_searched_in_a_stable_order_for_names_that_may_be_traces(folder: Path) -> None:
    assert found([folder], folder) == [
        ".hidden.jsonl",
        "a.JSON",
        "b.jsonl",
        "c.pb.gz",
        "g.jsonl.xz",
        "deep/e.ndjson.zst",
        "deep/er/f.otlp",
    ]


def test_files_of_a_folder_are_not_named_but_globbed_ones_are(folder: Path) -> None:
    assert {file.is_named for file in find_inputs([folder], Errors())} == {False}
    assert {file.is_named for file in find_inputs([str(folder / "*.jsonl")], Errors())} == {True}


def test_a_named_file_may_have_any_name(folder: Path) -> None:
    assert find_inputs([folder / "notes.txt"], Errors()) == [
        InputFile(path=folder / "notes.txt", size=2, is_named=True)
    ]


def test_a_file_that_is_meant_twice_is_read_once_and_counts_as_named(folder: Path) -> None:
    (once,) = [file for file in find_inputs([folder, folder / "b.jsonl"], Errors()) if file.path == folder / "b.jsonl"]

    assert once.is_named


def test_the_order_given_is_kept(folder: Path) -> None:
    assert found([folder / "g.jsonl.xz", folder / "b.jsonl"], folder) == ["g.jsonl.xz", "b.jsonl"]


def test_globs_reach_into_folders(folder: Path) -> None:
    assert found([str(folder / "**/*.otlp")], folder) == ["deep/er/f.otlp"]
    assert found([str(folder / "dee?")], folder) == ["deep/e.ndjson.zst", "deep/er/f.otlp"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder: Path) -> None:
    (folder / "[1].jsonl").write_text("{}")

    assert found([str(folder / "[1].jsonl")], folder) == ["[1].jsonl"]


def test_a_dash_is_standard_input() -> None:
    (file,) = find_inputs(["-", "-"], Errors())

    assert (file.path, file.source, file.size, file.is_named) == (None, "-", None, True)


@pytest.mark.parametrize("path", ["gone.jsonl", "gone/*.jsonl"])
def test_a_path_that_leads_to_nothing_is_told_with_what_is_allowed_and_the_others_are_given(
    path: str, folder: Path
) -> None:
    errors = Errors()

    assert found([str(folder / path), folder / "b.jsonl"], folder, errors) == ["b.jsonl"]
    assert errors[0].source.endswith(path)
    assert "give files, folders, globs, or -" in errors[0].reason


def test_a_folder_without_any_candidate_is_told(tmp_path: Path) -> None:
    errors = Errors()
    (tmp_path / "notes.txt").write_text("x")

    assert find_inputs([tmp_path], errors) == []
    assert len(errors) == 1


def test_a_pipe_has_no_size(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert find_inputs([pipe], Errors()) == [InputFile(path=pipe, size=None)]
