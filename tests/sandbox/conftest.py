"""What the sandbox's tests share: a jail to run scripts in, and a repository to build from."""

from __future__ import annotations

import os
import secrets
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.jailing import Jailer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def jail(tmp_path: Path) -> Jailer:
    return Jailer(tmp_path / "artifacts")


@pytest.fixture
def mark() -> str:
    """A number of seconds that no other process of this host sleeps for."""
    return f"86400.{secrets.randbelow(10**12):012}"


@dataclass(frozen=True)
class Sources:
    """A bare repository, a bundle of it, and the commit to build."""

    repository: Path
    bundle: Path
    commit: str


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    work, bare, bundle = tmp_path / "work", tmp_path / "sources.git", tmp_path / "sources.bundle"
    _git("init", "--quiet", "--template=", str(work))
    (work / "program.sh").write_text("#!/bin/sh\necho hello\n")
    (work / "program.sh").chmod(0o755)
    (work / "link").symlink_to("program.sh")
    _git("-C", str(work), "add", "--all")
    _git("-C", str(work), "commit", "--quiet", "--message", "Say hello.")
    _git("-C", str(work), "tag", "1.0")
    _git("clone", "--quiet", "--bare", str(work), str(bare))
    _git("-C", str(bare), "bundle", "create", "--quiet", str(bundle), "HEAD", "1.0")
    return Sources(bare, bundle, _git("-C", str(bare), "rev-parse", "HEAD"))


def _git(*arguments: str) -> str:
    who = {"NAME": "A Builder", "EMAIL": "builder@example.org", "DATE": "2020-02-02T20:20:20Z"}
    environment = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    answer = subprocess.run(
        ["git", *arguments],
        env={**environment, "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip()
