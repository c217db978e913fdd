from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from portal.services.places import living_in
from portal.services.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = "import sys, pathlib; from portal.services.valkey import Valkey; Valkey(pathlib.Path(sys.argv[1])).ensure()"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Valkey]:
    here = Valkey(tmp_path / "var")
    here.ensure()
    yield here
    here.stop()


def ask(broker: Valkey, words: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(broker.socket))
        client.sendall(words.encode() + b"\r\n")
        return client.recv(4096).decode().strip()


def test_it_starts_on_a_private_socket_and_no_port(broker: Valkey) -> None:
    assert ask(broker, "CONFIG GET port").endswith("0")
    assert broker.socket.stat().st_mode & 0o777 == 0o700
    assert broker.socket.parent.stat().st_mode & 0o777 == 0o700


def test_killed_it_starts_again_with_what_was_queued(broker: Valkey) -> None:
    assert ask(broker, "LPUSH builds one") == ":1"
    os.kill(living_in(broker.data)[0], signal.SIGKILL)
    broker.ensure()
    assert ask(broker, "LLEN builds") == ":1"


def test_a_stop_leaves_no_process_and_keeps_what_was_queued(broker: Valkey) -> None:
    ask(broker, "LPUSH builds one")
    broker.stop()
    assert living_in(broker.data) == []
    assert not broker.listens()
    broker.stop()
    broker.ensure()
    assert ask(broker, "LLEN builds") == ":1"


def test_of_several_starters_at_once_one_starts_it(tmp_path: Path) -> None:
    starters = [subprocess.Popen([sys.executable, "-c", START, str(tmp_path / "var")]) for _ in range(4)]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0, 0]
    broker = Valkey(tmp_path / "var")
    try:
        assert broker.answers()
        assert len(living_in(broker.data)) == 1
    finally:
        broker.stop()


def test_a_directory_moved_under_a_running_broker_works_at_its_new_place(tmp_path: Path, broker: Valkey) -> None:
    ask(broker, "LPUSH builds one")
    broker.var.rename(tmp_path / "moved")
    moved = Valkey(tmp_path / "moved")
    moved.ensure()
    assert ask(moved, "LLEN builds") == ":1"
    moved.stop()
    assert living_in(moved.data) == []
