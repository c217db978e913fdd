"""What a job leaves behind is told by one digest and changed by nobody."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from contributions.sandbox import seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def left(tmp_path: Path) -> Callable[[str], Path]:
    def leave(name: str) -> Path:
        directory = tmp_path / name
        (directory / "lib" / "empty").mkdir(parents=True)
        (directory / "lib" / "module.py").write_text("one = 1\n")
        (directory / "tool").write_text("#!/bin/sh\n")
        (directory / "tool").chmod(0o755)
        (directory / "link").symlink_to("/etc/hostname")
        return directory

    return leave


def test_the_same_content_has_the_same_digest(left: Callable[[str], Path]) -> None:
    one, other = left("one"), left("other")
    os.utime(other / "tool", (1, 1))
    (other / "lib").chmod(0o700)
    (other / "tool").chmod(0o4711)
    assert seal(one) == seal(other)
    assert seal(one) == seal(one), "sealing changes nothing that counts"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: (d / "lib" / "module.py").write_text("one = 2\n"),
        lambda d: (d / "tool").chmod(0o644),
        lambda d: (d / "tool").rename(d / "fool"),
        lambda d: (d / "lib" / "empty").rmdir(),
        lambda d: ((d / "link").unlink(), (d / "link").symlink_to("/etc/passwd")),
        lambda d: ((d / "link").unlink(), (d / "link").write_text("/etc/hostname")),
        lambda d: (d / "lib" / "module.py").rename(d / "module.py"),
    ],
)
def test_any_change_shows(left: Callable[[str], Path], change: Callable[[Path], object]) -> None:
    directory = left("changed")
    change(directory)
    assert seal(directory) != seal(left("plain"))


def test_nobody_may_write_afterwards_and_all_may_read(left: Callable[[str], Path]) -> None:
    directory = left("sealed")
    (directory / "lib" / "module.py").chmod(0o622)
    (directory / "lib").chmod(0o700)
    seal(directory)
    modes = {path.name: path.lstat().st_mode & 0o7777 for path in directory.rglob("*") if not path.is_symlink()}
    assert modes == {"lib": 0o755, "empty": 0o755, "module.py": 0o444, "tool": 0o555}
    assert {path.lstat().st_uid for path in directory.rglob("*")} == {os.geteuid()}


def test_links_are_not_followed(left: Callable[[str], Path], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept\n")
    (outside / "file").chmod(0o600)
    outside.chmod(0o700)
    directory = left("links")
    (directory / "out").symlink_to(outside)
    (directory / "there").symlink_to(outside / "file")
    before = seal(directory)
    (outside / "file").write_text("changed\n")
    assert (outside / "file").stat().st_mode & 0o777 == 0o600
    assert outside.stat().st_mode & 0o777 == 0o700
    assert seal(directory) == before


def test_what_is_no_file_is_removed_and_holds_nobody_up(left: Callable[[str], Path]) -> None:
    directory = left("odd")
    os.mkfifo(directory / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(directory / "socket"))
    assert seal(directory) == seal(left("even"))
    assert not (directory / "pipe").exists()
    assert not (directory / "socket").exists()


def test_names_need_not_be_text(left: Callable[[str], Path]) -> None:
    directory = left("names")
    for name in (b"caf\xe9", b"new\nline"):
        (directory / os.fsdecode(name)).write_text("x")
    assert seal(directory) != seal(left("plain"))
