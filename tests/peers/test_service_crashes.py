"""The service killed many times, and on a disk that is full: counts are printed."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.service.test_crashes import crash_test
from tests.support.service_process import running_service
from tests.support.service_senders import Senders, missing_and_doubled

pytestmark = pytest.mark.peers


def test_fifty_kills_under_load_from_four_clients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crash_test(tmp_path, kills=50, clients=4, capsys=capsys)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]).returncode:
        pytest.skip("mounting a file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "128m"), running_service(disk / "service", raw_retention_seconds=1) as service:
        senders = Senders(service.http, clients=2, seed=11)
        time.sleep(2)
        _fill(disk / "ballast")
        service.wait_for(lambda: service.status()["refused_by_store"] > 0, 60)
        time.sleep(3)
        refused = service.status()["refused_by_store"]
        (disk / "ballast").unlink()
        time.sleep(2)
        senders.stop()
        service.wait_for(service.is_idle, 180)
        missing, doubled = missing_and_doubled(senders.acknowledged, service.reports)
        acknowledged = sum(senders.acknowledged.values())
    with capsys.disabled():
        print(  # noqa: T201 - the counts are what this is for
            f"\nfull disk: {refused} requests refused, {acknowledged} spans acknowledged; {missing} missing, "
            f"{doubled} counted twice"
        )
    assert (missing, doubled) == (0, 0)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
