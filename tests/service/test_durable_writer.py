from __future__ import annotations

import time
from pathlib import Path

import pytest

from otel_sessionopt.service.durable_writer import DurableWriter, StoreRefused
from otel_sessionopt.service.request_log import Form, LogReader, Request, RequestLog, Signal
from otel_sessionopt.service_settings import ServiceSettings

REQUEST = Request(Signal.TRACES, Form.PROTOBUF, False, 1, b"body")
SIZE = 24 + 4


def writer_for(folder: Path, told: list[int], **settings: object) -> DurableWriter:
    chosen = ServiceSettings(min_free_bytes=0, **settings)  # type: ignore[arg-type]  # named by the test
    writer = DurableWriter(RequestLog(folder, segment_bytes=4096), folder, chosen, told.append)
    writer.start()
    return writer


def read_all(folder: Path) -> list[Request]:
    reader = LogReader(folder, 0)
    found = [logged.request for logged in reader.read(1 << 40, 1 << 40)]
    reader.close()
    return found


def test_what_was_answered_is_in_the_log_and_told(tmp_path: Path) -> None:
    told: list[int] = []
    writer = writer_for(tmp_path, told)
    assert writer.submit(REQUEST).result(10) == SIZE
    assert told == [SIZE] == [writer.durable]
    writer.stop()
    assert read_all(tmp_path) == [REQUEST]


def test_with_a_delay_the_answer_comes_first_and_the_disk_follows(tmp_path: Path) -> None:
    told: list[int] = []
    writer = writer_for(tmp_path, told, flush_delay_ms=60_000)
    assert writer.submit(REQUEST).result(10) == SIZE
    assert told == []
    writer.stop()
    assert told == [SIZE]


def test_a_sender_that_goes_away_ends_nothing(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, [])
    writer.submit(REQUEST).cancel()
    assert writer.submit(REQUEST).result(10) == 2 * SIZE
    writer.stop()


def test_a_backlog_that_is_too_long_is_refused_until_it_was_read(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, [], max_backlog_bytes=1 << 20)
    large = REQUEST._replace(body=bytes(1 << 20))
    end = writer.submit(large).result(10)
    with pytest.raises(StoreRefused, match="too much waits"):
        writer.submit(REQUEST).result(10)
    assert writer.refused == 1
    writer.release(end, 0)
    assert writer.submit(REQUEST).result(10) == end + SIZE
    writer.stop()


def test_a_disk_without_room_is_refused(tmp_path: Path) -> None:
    told: list[int] = []
    settings = ServiceSettings(min_free_bytes=1 << 60)
    writer = DurableWriter(RequestLog(tmp_path, segment_bytes=4096), tmp_path, settings, told.append)
    writer.start()
    with pytest.raises(StoreRefused, match="the disk is full"):
        writer.submit(REQUEST).result(10)
    writer.stop()
    assert told == []


def test_nothing_is_taken_after_the_end(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, [])
    writer.stop()
    with pytest.raises(StoreRefused, match="stopping"):
        writer.submit(REQUEST).result(10)


def test_requests_that_everybody_has_are_deleted(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, [], raw_retention_seconds=0)
    end = writer.submit(REQUEST).result(10)
    writer.release(end, end - 1)
    time.sleep(1)  # longer than the pause between two looks
    assert read_all(tmp_path) == [REQUEST]
    writer.release(end, end)
    deadline = time.monotonic() + 10
    while read_all(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    writer.stop()


def test_a_folder_that_cannot_be_looked_at_is_refused_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path) -> None:
        raise OSError(5, "Input/output error")

    writer = writer_for(tmp_path, [])
    with monkeypatch.context() as broken:
        broken.setattr("shutil.disk_usage", fail)
        with pytest.raises(StoreRefused, match="cannot be looked at: Input/output error"):
            writer.submit(REQUEST).result(10)
    assert writer.submit(REQUEST).result(10) == SIZE
    writer.stop()


def test_no_failure_leaves_a_sender_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writer_for(tmp_path, [])
    with monkeypatch.context() as broken:
        broken.setattr(RequestLog, "append", lambda *_: 1 / 0)
        with pytest.raises(StoreRefused, match="ZeroDivisionError"):
            writer.submit(REQUEST).result(10)
    assert writer.submit(REQUEST).result(10) == SIZE
    writer.stop()
