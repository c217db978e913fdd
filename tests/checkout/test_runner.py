import os
import time
from pathlib import Path

import pytest

from contributions.checkout.runner import Fence, GitFailed, git, run


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    run(["init", "-q", "--bare", str(tmp_path / "repo.git")])
    return tmp_path / "repo.git"


def test_git_sees_nothing_of_the_environment_of_the_worker(repo: Path) -> None:
    os.environ["PATCHBAY_CANARY"] = "a secret"
    try:
        seen = git(repo, "-c", "alias.show-environment=!env", "show-environment")
    finally:
        del os.environ["PATCHBAY_CANARY"]
    assert b"GIT_CONFIG_NOSYSTEM=1" in seen
    assert b"CANARY" not in seen


def test_a_failure_carries_the_code_and_the_words_of_git(repo: Path) -> None:
    with pytest.raises(GitFailed) as failure:
        git(repo, "cat-file", "-p", "deadbeef")
    assert failure.value.code == 128
    assert "Not a valid object name" in failure.value.stderr


@pytest.mark.parametrize("fence", [None, Fence()])
def test_a_call_that_does_not_end_is_ended_with_all_its_children(repo: Path, fence: Fence | None) -> None:
    started = time.monotonic()
    with pytest.raises(GitFailed) as failure:
        git(repo, "-c", "alias.wait=!sleep 321.5; true", "wait", timeout=0.5, fence=fence)
    assert failure.value.timed_out
    assert time.monotonic() - started < 60
    assert not [True for each in Path("/proc").glob("[0-9]*/cmdline") if b"321.5" in _read(each)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.attack("G26")
def test_hooks_do_not_run(repo: Path, tmp_path: Path) -> None:
    hook = repo / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/marker\n")
    hook.chmod(0o755)
    blob = git(repo, "hash-object", "-w", "--stdin", input=b"text").decode().strip()
    git(repo, "update-ref", "refs/test/blob", blob)
    assert not (tmp_path / "marker").exists()


def test_replaced_objects_are_shown_as_they_were_reviewed(repo: Path) -> None:
    good = git(repo, "hash-object", "-w", "--stdin", input=b"good").decode().strip()
    evil = git(repo, "hash-object", "-w", "--stdin", input=b"evil").decode().strip()
    git(repo, "update-ref", f"refs/replace/{good}", evil)
    assert git(repo, "cat-file", "-p", good) == b"good"


def test_without_a_fence_no_transport_is_allowed(repo: Path) -> None:
    with pytest.raises(GitFailed, match=r"transport 'file' not allowed"):
        git(repo, "fetch", str(repo))


def test_a_fence_limits_the_size_of_a_written_file(repo: Path) -> None:
    with pytest.raises(GitFailed):
        git(repo, "hash-object", "-w", "--stdin", input=os.urandom(100_000), fence=Fence(file_bytes=50_000))


def test_configuration_of_the_user_and_the_machine_is_not_read(repo: Path) -> None:
    seen = git(repo, "config", "--list", "--show-scope").decode().splitlines()
    assert {line.split("\t")[0] for line in seen} <= {"local", "command"}
