from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from portal.services.daemon import end
from portal.services.errors import ServiceTrouble
from portal.services.places import LONGEST_SOCKET_PATH, living_in, private_directory
from portal.services.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

START = (
    "import sys, pathlib; from portal.services.postgres import Postgres; Postgres(pathlib.Path(sys.argv[1])).ensure()"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    here = Postgres(tmp_path / "var")
    here.ensure()
    yield here
    here.stop()


def ask(server: Postgres, statement: str) -> str:
    address = server.address
    connection = psycopg2.connect(
        host=address["HOST"], port=address["PORT"], user=address["USER"], dbname=address["NAME"]
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return str(cursor.fetchone()[0]) if cursor.description else ""
    finally:
        connection.close()


def postmaster(server: Postgres) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def test_a_cold_start_makes_a_database_that_knows_all_letters(server: Postgres) -> None:
    assert ask(server, "SELECT lower('ÄÉØ') || current_database()") == "äéøpatchbay"


def test_it_carries_the_trigram_extension(server: Postgres) -> None:
    ask(server, "CREATE EXTENSION pg_trgm")
    assert float(ask(server, "SELECT similarity('patchbay', 'patchbai')")) > 0.5


def test_a_warm_start_leaves_the_server_alone(server: Postgres) -> None:
    before = postmaster(server)
    server.ensure()
    assert postmaster(server) == before


def test_it_hears_no_network_and_only_its_owner(server: Postgres) -> None:
    assert ask(server, "SHOW listen_addresses") == ""
    assert server.host.stat().st_mode & 0o777 == 0o700
    assert server.data.stat().st_mode & 0o777 == 0o700


def test_a_stop_leaves_no_process_and_comes_back_with_the_data(server: Postgres) -> None:
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert living_in(server.data) == []
    assert not server.listens()
    server.stop()
    server.ensure()
    assert ask(server, "SELECT answer FROM kept") == "42"


def test_of_several_starters_at_once_one_starts_it_and_all_find_it(tmp_path: Path) -> None:
    starters = [subprocess.Popen([sys.executable, "-c", START, str(tmp_path / "var")]) for _ in range(4)]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0, 0]
    server = Postgres(tmp_path / "var")
    try:
        assert server.answers()
        assert server.log.read_text().count("ready to accept connections") == 1
    finally:
        server.stop()


def test_killed_while_it_works_it_starts_again_with_the_data(server: Postgres) -> None:
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    busy = psycopg2.connect(host=str(server.host), port="5432", user="patchbay", dbname="patchbay")
    os.kill(postmaster(server), signal.SIGKILL)
    server.ensure()
    assert ask(server, "SELECT answer FROM kept") == "42"
    busy.close()


def test_a_stale_note_that_names_a_living_stranger_is_no_obstacle(server: Postgres) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n0\n5432\n{server.host}\n\n")
    server.ensure()
    assert server.answers()
    assert postmaster(server) != os.getpid()


def test_a_half_made_directory_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "var" / "postgres.new" / "base").mkdir(parents=True)
    server = Postgres(tmp_path / "var")
    server.ensure()
    assert server.answers()
    server.stop()


def test_a_directory_moved_under_a_running_server_works_at_its_new_place(tmp_path: Path, server: Postgres) -> None:
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.var.rename(tmp_path / "moved")
    moved = Postgres(tmp_path / "moved")
    moved.ensure()
    assert ask(moved, "SELECT answer FROM kept") == "42"
    moved.stop()
    assert living_in(moved.data) == []


def test_where_the_path_is_too_long_for_a_socket_a_short_private_one_is_found(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    server = Postgres(deep)
    server.ensure()
    try:
        assert server.answers()
        assert len(f"{server.host}/.s.PGSQL.5432.lock") <= LONGEST_SOCKET_PATH
        assert server.host.parent.stat().st_mode & 0o777 == 0o700
        moved = Postgres(deep.rename(deep.with_name("f" * 60)))
        moved.ensure()
        assert moved.answers()
        moved.stop()
        assert living_in(moved.data) == []
    finally:
        server.stop()


def test_two_checkouts_side_by_side_are_strangers(tmp_path: Path, server: Postgres) -> None:
    other = Postgres(tmp_path / "other")
    other.ensure()
    ask(server, "CREATE TABLE mine (id int)")
    assert ask(other, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == "0"
    other.stop()
    assert server.answers()


def test_a_frozen_server_is_waited_for_and_not_killed(server: Postgres) -> None:
    before = postmaster(server)
    os.kill(before, signal.SIGSTOP)
    thaw = subprocess.Popen(["sh", "-c", f"sleep 1; kill -CONT {before}"])
    server.ensure()
    assert thaw.wait() == 0
    assert postmaster(server) == before


def test_a_directory_of_somebody_else_is_refused_for_sockets(tmp_path: Path) -> None:
    theirs = Path("/usr")
    if os.geteuid() == 0:
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        os.chown(theirs, 12345, 12345)
    with pytest.raises(ServiceTrouble, match="must be a directory of the user"):
        private_directory(theirs)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(ServiceTrouble, match="must be a directory of the user"):
        private_directory(link)


def test_a_server_that_cannot_start_says_why(server: Postgres) -> None:
    server.stop()
    (server.data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServiceTrouble, match="no_such_setting"):
        server.ensure()


def test_a_process_that_ignores_the_request_is_killed() -> None:
    deaf = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"], stdout=subprocess.PIPE
    )
    assert deaf.stdout is not None
    deaf.stdout.readline()
    end([deaf.pid], ask=signal.SIGTERM, seconds=0.3)
    assert deaf.wait() == -signal.SIGKILL
    deaf.stdout.close()
