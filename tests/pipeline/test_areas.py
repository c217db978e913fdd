"""Directories of work: private, gone afterwards, and swept when their maker was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from contributions.pipeline import areas

if TYPE_CHECKING:
    from pathlib import Path

MAKER = """
import time
from contributions.pipeline.areas import work_area
with work_area() as place:
    (place / "half").write_text("built")
    print(place, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(areas, "YOUNG", 0)


def test_an_area_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with areas.work_area() as place:
        assert place.parent == tmp_path
        assert place.stat().st_mode & 0o777 == 0o700
        (place / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_worker_left_is_swept_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKER],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    with maker:
        assert maker.stdout
        place = tmp_path / maker.stdout.readline().strip().rpartition("/")[2]
        with areas.work_area():
            assert (place / "half").exists(), "its maker lives"
        maker.send_signal(signal.SIGKILL)
        maker.wait()
        assert place.exists(), "nobody tidied up after the kill"
        with areas.work_area():
            assert not place.exists()


def test_a_link_that_only_looks_like_an_area_is_left_alone(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.mkdir()
    (aim / "kept").write_text("x")
    (tmp_path / f"{areas.PREFIX}link").symlink_to(aim)
    with areas.work_area():
        assert (aim / "kept").exists()
    assert (aim / "kept").exists()
