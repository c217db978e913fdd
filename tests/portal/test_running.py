from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from django.conf import settings

from portal.services.daemon import is_running
from portal.services.places import living_in
from portal.services.postgres import Postgres
from portal.services.supervisor import note_of
from portal.services.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


PATIENCE = 90.0  # seconds that a loaded machine may take for what should take one or two
KEYWORDS = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}  # Django's words and libpq's


class Site:
    """A `manage.py run` of its own, as a customer of the command sees it."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.port = free_port()
        self.run = self.manage("run")
        self.said: list[str] = []

    def manage(self, *arguments: str) -> subprocess.Popen[str]:
        given = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "CELERY_BROKER_URL"}}
        given |= {"PATCHBAY_VAR": str(self.var), "PORT": str(self.port), "DJANGO_SETTINGS_MODULE": "portal.settings"}
        return subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def readiness(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as problem:
            with problem:
                return dict(json.load(problem))
        except (OSError, ValueError):
            return {"ready": False}

    def wait(self) -> None:
        """Return once the last part has said that it is ready."""
        assert self.run.stdout is not None
        for line in self.run.stdout:
            self.said.append(line)
            if line.startswith("beat") and "ready" in line:
                return
        pytest.fail("".join(self.said))

    def processes(self) -> dict[int, str]:
        """The command lines of all processes that were started for this site, by process id."""
        mark = f"PATCHBAY_VAR={self.var}\0".encode()
        found = dict.fromkeys(living_in(self.var / "postgres"), "database")
        found |= dict.fromkeys(living_in(self.var / "valkey"), "broker")
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return {pid: command for pid, command in found.items() if is_running(pid)}

    def chief(self, word: str) -> int:
        """The process that leads the part whose command line holds `word`."""
        return min(pid for pid, command in self.processes().items() if word in command and os.getpgid(pid) == pid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soon(holds: Callable[[], object], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a site ran for the first time, all made from nothing, and was ended."""
    site = Site(tmp_path_factory.mktemp("beginning") / "var")
    try:
        site.wait()
    finally:
        site.run.terminate()
        site.run.communicate(timeout=PATIENCE)
    return site.var


@pytest.fixture
def var(beginning: Path, tmp_path: Path) -> Path:
    """A place of the test's own with such a site's database and nothing else: making one anew takes half a minute."""
    shutil.copytree(beginning / "postgres", tmp_path / "var" / "postgres")
    return tmp_path / "var"


@pytest.fixture(scope="module")
def site(beginning: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that runs while the tests of this file do."""
    place = tmp_path_factory.mktemp("site") / "var"
    shutil.copytree(beginning, place)
    here = Site(place)
    try:
        here.wait()
        yield here
    finally:
        here.run.terminate()
        here.run.communicate(timeout=PATIENCE)


def test_a_running_site_says_that_all_its_parts_are_ready(site: Site) -> None:
    parts = {"database": "ok", "broker": "ok", "worker": "ok", "storage": "ok"}
    assert site.readiness().items() >= {"ready": True, **parts}.items()


@pytest.mark.parametrize(
    "part",
    [
        "gunicorn",
        "--hostname worker@",
        "--hostname courier@",
        "--hostname builder@",
        "--hostname signer@",
        "celery --app portal beat",
    ],
)
def test_a_part_that_dies_is_started_again(site: Site, part: str) -> None:
    before = site.chief(part)
    os.killpg(before, signal.SIGKILL)
    assert soon(lambda: any(part in command for pid, command in site.processes().items() if pid != before))
    assert soon(lambda: site.readiness()["ready"])


@pytest.mark.parametrize("service", ["database", "broker"])
def test_a_service_that_is_killed_is_started_again(site: Site, service: str) -> None:
    server = {"database": Postgres, "broker": Valkey}[service](site.var)
    for pid in server.processes():
        with suppress(ProcessLookupError):  # some end by themselves once the first of them is gone
            os.kill(pid, signal.SIGKILL)
    assert soon(server.listens)
    assert soon(lambda: site.readiness()["ready"])


def test_a_second_run_in_the_same_place_says_so(site: Site) -> None:
    second = site.manage("run")
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert f"Patchbay already runs here (process {site.run.pid}, http://127.0.0.1:{site.port}/)" in said


def status_of(site: Site, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.port}{path}", timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code


@pytest.mark.attack("F09")
def test_pages_whose_connections_were_cut_apologise_once_at_most(site: Site) -> None:
    addresses = ("/contributions/", "/api/v1/builds/", "/builds/", "/") * 5
    assert {status_of(site, address) for address in addresses} == {200}
    keeper = psycopg2.connect(**{KEYWORDS[name]: value for name, value in Postgres(site.var).address.items()})
    with closing(keeper), keeper.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert cursor.rowcount > 4, "there were connections to cut"
    answers = [status_of(site, address) for address in addresses]
    assert set(answers) <= {200, 503}
    assert answers.count(503) <= 1
    assert answers[-4:] == [200] * 4


def test_status_tells_what_runs(site: Site) -> None:
    status = site.manage("status")
    said, _ = status.communicate(timeout=PATIENCE)
    assert status.returncode == 0
    assert said.splitlines()[:2] == ["database    running", "broker      running"]
    assert f"http://127.0.0.1:{site.port}/" in said


def test_a_taken_port_is_told_in_a_sentence(site: Site, tmp_path: Path) -> None:
    other = Site.__new__(Site)
    other.var, other.port = tmp_path / "var", site.port
    second = other.manage("run")
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert f"port {site.port} cannot be used" in said
    assert other.processes() == {}


def test_interrupted_it_ends_within_ten_seconds_and_leaves_nothing(var: Path) -> None:
    site = Site(var)
    site.wait()
    begun = time.monotonic()
    site.run.send_signal(signal.SIGINT)
    site.run.communicate(timeout=PATIENCE)
    assert time.monotonic() - begun < 10
    assert site.run.returncode == 0
    order = [line.split()[0] for line in site.said if " ready" in line]
    assert order == [
        "database",
        "broker",
        "migrations",
        "keys",
        "static",
        "web",
        "worker",
        "courier",
        "builder",
        "signer",
        "beat",
    ]
    assert site.processes() == {}


def test_killed_outright_it_leaves_nothing_for_long_and_may_be_run_again(var: Path) -> None:
    site = Site(var)
    site.wait()
    site.run.kill()
    site.run.communicate()
    site.run = site.manage("run")
    site.wait()
    site.run.kill()
    site.run.communicate()
    assert soon(lambda: site.processes() == {}), site.processes()
    assert note_of(site.var) is None


def test_stop_ends_a_running_site_and_what_was_started_on_demand(var: Path) -> None:
    site = Site(var)
    site.wait()
    asked = time.monotonic()
    site.manage("status").communicate(timeout=PATIENCE)  # tells how long a command takes to begin here
    begun = time.monotonic()
    said, _ = site.manage("stop").communicate(timeout=PATIENCE)
    assert said == "Nothing runs here now.\n"
    assert time.monotonic() - begun < 10 + 3 * (begun - asked)
    assert site.run.wait(PATIENCE) == 0
    site.run.communicate()
    assert site.processes() == {}
    site.manage("migrate", "--check").communicate(timeout=PATIENCE)
    assert "database" in site.processes().values()
    site.manage("stop").communicate(timeout=PATIENCE)
    assert site.processes() == {}


@pytest.mark.attack("T17")
def test_the_first_start_makes_a_key_of_its_own_and_no_account(site: Site, var: Path) -> None:
    other = Site(var)
    try:
        other.wait()
    finally:
        other.run.terminate()
        other.run.communicate(timeout=PATIENCE)
    keys = [(place / "secret_key").read_text() for place in (site.var, var)]
    assert keys[0] != keys[1]
    assert all(len(key) >= 50 for key in keys)
    assert [(place / "secret_key").stat().st_mode & 0o777 for place in (site.var, var)] == [0o600, 0o600]
    keeper = psycopg2.connect(**{KEYWORDS[name]: value for name, value in Postgres(site.var).address.items()})
    with closing(keeper), keeper.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contributions_person")
        assert cursor.fetchone() == (0,), "nobody can log in by a password that everybody knows"
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(f"http://127.0.0.1:{site.port}/nowhere/at/all/", timeout=20)
    with answer.value as page:
        assert page.code == 404
        assert b"DEBUG" not in page.read()
