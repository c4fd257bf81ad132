from __future__ import annotations

from pathlib import Path

import pytest

from otel_sessionopt.service.request_log import Form, LogReader, Request, RequestLog, Signal, segment_path

SEGMENT = 4096
HEADER_BYTES = 24


def request(number: int, size: int = 100) -> Request:
    return Request(Signal.TRACES, Form.PROTOBUF, False, number, bytes([number % 256]) * size)


def read_all(folder: Path, position: int = 0, end: int = 1 << 40) -> list[Request]:
    reader = LogReader(folder, position)
    found = [logged.request for logged in reader.read(end, 1 << 40)]
    reader.close()
    return found


def test_what_was_appended_is_read_in_order_and_byte_for_byte(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    requests = [request(n) for n in range(3)]
    assert log.append(requests) == 3 * (HEADER_BYTES + 100)
    assert read_all(tmp_path) == requests
    log.close()


def test_a_reader_goes_on_where_it_ended_and_stops_where_it_is_told(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    first = log.append([request(1)])
    log.append([request(2)])
    reader = LogReader(tmp_path, 0)
    assert [logged.request for logged in reader.read(first, 1 << 20)] == [request(1)]
    assert reader.position == first
    assert [logged.request for logged in reader.read(log.end, 1 << 20)] == [request(2)]
    reader.close()
    log.close()


def test_segments_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    for number in range(100):
        log.append([request(number)])
    assert len(list(tmp_path.iterdir())) == 3  # 34 records of 124 bytes are the first 4,096 and more
    assert read_all(tmp_path) == [request(number) for number in range(100)]
    log.close()


def test_after_a_restart_the_log_goes_on_behind_its_last_record(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    log.append([request(1)])
    log.close()
    again = RequestLog(tmp_path, segment_bytes=SEGMENT)
    again.append([request(2)])
    assert read_all(tmp_path) == [request(1), request(2)]
    again.close()


@pytest.mark.parametrize("lost_bytes", [1, 99, 100, 101, 123])
def test_a_torn_last_record_is_cut_off_and_the_others_stay(tmp_path: Path, lost_bytes: int) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    log.append([request(1), request(2)])
    log.close()
    path = segment_path(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:-lost_bytes])
    again = RequestLog(tmp_path, segment_bytes=SEGMENT)
    assert again.end == HEADER_BYTES + 100
    again.append([request(3)])
    assert read_all(tmp_path) == [request(1), request(3)]
    again.close()


def test_a_record_whose_bytes_were_never_written_is_cut_off(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    log.append([request(1), request(2)])
    log.close()
    path = segment_path(tmp_path, 0)
    content = bytearray(path.read_bytes())
    content[-50:] = bytes(50)  # the file has its length already, its last block does not have its content
    path.write_bytes(content)
    assert RequestLog(tmp_path, segment_bytes=SEGMENT).end == HEADER_BYTES + 100


def test_positions_that_a_reader_has_passed_are_never_given_again(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT, start=10_000)
    log.append([request(1)])
    assert read_all(tmp_path, 10_000) == [request(1)]
    assert log.end == 10_000 + HEADER_BYTES + 100
    log.close()


def test_segments_that_nobody_needs_are_deleted_and_the_open_one_stays(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    for number in range(100):
        log.append([request(number)])
    assert log.delete_before(2 * 4_216 - 1) == 4_216
    assert log.first == 4_216
    log.delete_before(log.end)
    assert len(list(tmp_path.iterdir())) == 1
    log.close()


def test_a_reader_of_deleted_segments_goes_on_with_what_is_left(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    for number in range(100):
        log.append([request(number)])
    log.delete_before(4_216)
    assert read_all(tmp_path)[0] == request(34)
    log.close()


def test_a_damaged_record_ends_its_segment_for_readers_and_no_more(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, segment_bytes=SEGMENT)
    for number in range(40):
        log.append([request(number)])
    path = segment_path(tmp_path, 0)
    content = bytearray(path.read_bytes())
    content[5 * 124 + HEADER_BYTES] ^= 1
    path.write_bytes(content)
    assert [each.received_ns for each in read_all(tmp_path)] == [*range(5), *range(34, 40)]
    log.close()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log", segment_bytes=SEGMENT)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
    assert segment_path(tmp_path / "log", 0).stat().st_mode & 0o777 == 0o600
    log.close()
