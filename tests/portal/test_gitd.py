from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.services.errors import ServiceTrouble
from portal.services.gitd import GitDaemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[GitDaemon]:
    daemon = GitDaemon(tmp_path / "var", tmp_path / "repositories")
    yield daemon
    daemon.stop()


def test_the_daemon_keeps_its_port_and_runs_once(daemon: GitDaemon) -> None:
    daemon.ensure()
    port, oldest = daemon.port, min(daemon.processes())
    daemon.ensure()
    assert (daemon.port, min(daemon.processes())) == (port, oldest), "a child for each caller comes and goes"
    assert daemon.listens()
    daemon.stop()
    assert not daemon.processes()
    assert not daemon.listens()
    daemon.ensure()
    assert daemon.port == port


def test_a_daemon_that_never_ran_has_no_address(daemon: GitDaemon) -> None:
    with pytest.raises(ServiceTrouble, match="never started"):
        daemon.url("x.git")
