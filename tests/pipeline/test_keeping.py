"""Directories kept by a worker: whole or not there, made once, the least used go first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from contributions.errors import Trouble
from contributions.pipeline.keeping import kept, sweep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def cache(settings: Any, tmp_path: Path) -> Path:
    settings.PREPARED_DIR = tmp_path / "prepared"
    settings.RELEASES_DIR = tmp_path / "releases"
    settings.KEPT_MEGABYTES = 1024
    return tmp_path / "prepared"


def always() -> bool:
    return True


def fill(into: Path) -> None:
    (into / "file").write_text("whole\n")


def weigh(megabytes: int) -> Any:
    return lambda into: (into / "file").write_bytes(os.urandom(megabytes << 20))


def used(place: Path, seconds_ago: float) -> None:
    with kept(place, weigh(2), always):
        pass
    os.utime(place, (time.time() - seconds_ago,) * 2)


def test_what_is_there_is_not_made_again(cache: Path) -> None:
    made: list[Path] = []
    for _ in range(2):
        with kept(cache / "a", lambda into: (made.append(into), fill(into)), always) as place:  # type: ignore[func-returns-value]
            assert (place / "file").read_text() == "whole\n"
    assert len(made) == 1


def test_two_at_once_make_one(cache: Path) -> None:
    made = []

    def slowly(into: Path) -> None:
        made.append(into)
        time.sleep(0.3)
        fill(into)

    def use() -> None:
        with kept(cache / "a", slowly, always) as place:
            seen.append((place / "file").read_text())

    seen: list[str] = []
    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), seen) == (1, ["whole\n"] * 4)


def test_a_half_made_one_is_never_seen(cache: Path) -> None:
    def fail(into: Path) -> None:
        (into / "file").write_text("half")
        raise Trouble("The network went away.")

    with pytest.raises(Trouble, match="went away"), kept(cache / "a", fail, always):
        pass
    assert [path.name for path in cache.iterdir()] == ["a.lock"]
    with kept(cache / "a", fill, always) as place:
        assert (place / "file").read_text() == "whole\n"


def test_a_full_disk_is_our_trouble(cache: Path) -> None:
    def fail(_: Path) -> None:
        raise OSError(28, os.strerror(28))

    with pytest.raises(Trouble, match="could not be made: No space left on device"), kept(cache / "a", fail, always):
        pass


KILLED = """
import sys, time
from pathlib import Path
import django
django.setup()
from django.conf import settings
settings.PREPARED_DIR = settings.RELEASES_DIR = Path(sys.argv[1])
from contributions.pipeline.keeping import kept
def make(into):
    (into / "file").write_text("half")
    print("making", flush=True)
    time.sleep(60)
with kept(Path(sys.argv[1]) / "a", make, lambda: True):
    pass
"""


def test_a_killed_maker_holds_nobody_up(cache: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(cache)]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": "postgresql://x@127.0.0.1:1/x",
    }
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        assert process.stdout.readline() == b"making\n"
        assert (cache / "a.new" / "file").read_text() == "half"
        with pytest.raises(Trouble, match="asked to stop"), kept(cache / "a", fill, lambda: False):
            pass
        process.send_signal(signal.SIGKILL)
    with kept(cache / "b", fill, always):
        assert not (cache / "a.new").exists(), "the sweep that follows clears it away"
    with kept(cache / "a", fill, always) as place:
        assert (place / "file").read_text() == "whole\n"


def test_what_was_used_longest_ago_is_swept_first(cache: Path, settings: Any) -> None:
    for age, name in enumerate(("newest", "older", "oldest")):
        used(cache / name, age * 100)
    with kept(settings.RELEASES_DIR / "release", weigh(2), always):
        pass
    assert sweep([cache, settings.RELEASES_DIR], 5) == 2
    assert (cache / "newest").is_dir()
    assert (settings.RELEASES_DIR / "release").is_dir()
    assert sorted(path.name for path in cache.iterdir() if path.is_dir()) == ["newest"]


def test_what_is_in_use_is_not_swept(cache: Path) -> None:
    used(cache / "a", 100)
    with kept(cache / "a", fill, always) as place:
        assert sweep([cache], 1) == 0
        assert place.is_dir()
    assert sweep([cache], 1) == 1


def test_a_new_one_makes_room_for_itself(cache: Path, settings: Any) -> None:
    used(cache / "old", 100)
    settings.KEPT_MEGABYTES = 3
    with kept(cache / "new", weigh(2), always) as place:
        assert place.is_dir()
        assert not (cache / "old").exists()
