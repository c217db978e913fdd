"""Where builds cannot be confined they are not run at all."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from contributions.sandbox import find_bubblewrap
from tests.sandbox.jailing import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

BUILD = f"""
import pathlib, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from contributions.sandbox import Job, SandboxUnavailable, Step, executor_named, run, self_check
try:
    run(Job(steps=(Step("build", "echo I ran; touch /tmp/i-ran"),)), on_output=sys.stdout.buffer.write,
        keep_going=lambda: True, artifacts_to=pathlib.Path("/tmp"))
except SandboxUnavailable as refusal:
    print(refusal.sentence)
print([promise.name for promise in self_check(executor_named("bubblewrap")) if promise.essential and not promise.held])
"""


@pytest.mark.attack("S34")
def test_without_bubblewrap_nothing_is_run(tmp_path: Path) -> None:
    """-I -S leaves the wheel out, an empty PATH the system's bwrap."""
    answer = _say([sys.executable, "-I", "-S", "-c", BUILD], tmp_path, PATH=str(tmp_path))
    assert "Builds cannot run here: bubblewrap (bwrap) is not installed." in answer
    assert "['a jail starts']" in answer
    assert "I ran" not in answer


@pytest.mark.attack("S34")
def test_without_user_namespaces_nothing_is_run(tmp_path: Path) -> None:
    """A host without user namespaces: a jail that has none to give, over all of this host."""
    bwrap = find_bubblewrap().binary
    host = [str(bwrap), "--unshare-user", "--disable-userns", "--dev-bind", "/", "/", "--"]
    answer = _say([*host, sys.executable, "-I", "-S", "-c", BUILD], tmp_path, PATH="/usr/local/bin:/usr/bin:/bin")
    assert "Builds cannot run here: " in answer
    assert "['a jail starts']" in answer
    assert "I ran" not in answer


def _say(command: list[str], directory: Path, **environment: str) -> str:
    ended = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return ended.stdout + ended.stderr


def test_without_the_wheel_or_with_it_the_same_jail_is_made(tmp_path: Path) -> None:
    """The wheel's bwrap lies below the virtual environment, which the build's user may not be able to enter."""
    code = BUILD.replace("print([promise", "print(run.__module__); print([promise")
    answer = _say([sys.executable, "-c", code], tmp_path, PATH=str(tmp_path), PYTHONPATH=":".join(sys.path))
    assert "I ran" in answer
    assert "[]" in answer
