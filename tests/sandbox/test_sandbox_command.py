"""`manage.py sandbox`: the operator's proof, for the eye and for machines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "sandbox", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.attack("S39")
def test_the_check_prints_each_promise_and_ends_well_where_all_are_held() -> None:
    done = manage("check")
    assert done.returncode == 0, done.stdout
    assert "memory is bounded" in done.stdout
    assert "BROKEN" not in "".join(line for line in done.stdout.splitlines() if " yes " in line)
    assert done.stdout.rstrip().endswith("Builds may run on this host.")


@pytest.mark.attack("S34", "S39")
def test_a_broken_promise_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 9.9 || echo cannot jail >&2\n")
    (tmp_path / "bwrap").chmod(0o755)
    (tmp_path / "git").symlink_to(shutil.which("git") or "git")
    done = manage("check", "--json", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode == 1
    (promise,) = json.loads(done.stdout)
    assert (promise["name"], promise["held"], promise["essential"]) == ("a jail starts", False, True)
    assert promise["detail"].startswith("Builds cannot run here: ")


def test_what_confines_builds_here_is_told() -> None:
    facts = json.loads(manage("show", "--json").stdout)
    assert (facts["executor"], facts["network"]) == ("bubblewrap", False)
    assert facts["limits"]["processes"] == 256
    assert "version" in facts["cgroups"]
    shown = manage("show").stdout
    assert "user " in shown
    assert "control groups" in shown or "cgroups" in shown
