"""The real client, run as a program against a live site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from tests import factories
from tests.api.conftest import make_token

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.live_server_helper import LiveServer

    from contributions.models import Person

PROGRAM = settings.BASE_DIR / "client" / "patchbay.py"
PATIENCE = 120


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Desk:
    """Somebody's machine: a home of its own, a directory to work in, and the client."""

    home: Path
    site: str
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.home / ".config").mkdir(parents=True)
        self.place = self.home / "work"
        self.place.mkdir()

    def run(self, *words: str, given: bytes = b"", **env: str) -> Ended:
        """Nothing of this machine's own settings is seen; `env` overrides."""
        usual = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PATCHBAY_SITE": self.site, "LC_ALL": "C.UTF-8"}
        ended = subprocess.run(
            [sys.executable, "-I", str(PROGRAM), *words], input=given, cwd=self.place, env=usual | self.env | env,
            capture_output=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        said = Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
        assert "Traceback" not in said.err, said.err
        return said

    def log_in(self, person: Person, *scopes: str) -> None:
        path = self.home / ".config" / "patchbay.token"
        path.write_text(make_token(person, *(scopes or ("read", "write"))))
        path.chmod(0o600)

    def lock(self, lock: dict[str, Any], name: str = "patchbay.lock.json") -> str:
        (self.place / name).write_text(json.dumps(lock))
        return name


@pytest.fixture
def desk(tmp_path: Path, live_server: LiveServer) -> Desk:
    return Desk(tmp_path / "desk", live_server.url)


@pytest.fixture
def member(live_server: LiveServer) -> Person:
    del live_server
    return factories.make_person(organisation=factories.make_organisation())
