"""The one door to git: an empty environment, no configuration but ours, no hooks, no prompts, an end in time.

Every repository is bare and named by `--git-dir`; git never starts inside a directory that a stranger filled.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from git import Git

from contributions.errors import Trouble

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

NOT_FOUND = 127  # what env, prlimit and timeout answer when the next program is missing

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}

CONFIGURATION = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.symlinks=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.bigFileThreshold=10m",
    "core.packedGitWindowSize=32m",  # the default window of 1 GiB would not fit under the memory limit
    "core.packedGitLimit=256m",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.threads=1",
    "submodule.recurse=false",
    "safe.bareRepository=explicit",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "init.templateDir=",
)

NETWORK_CONFIGURATION = (
    "http.followRedirects=false",
    "http.sslVerify=true",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=10",
    "fetch.fsckObjects=true",
    "transfer.fsckObjects=true",
    "fetch.recurseSubmodules=no",
    "fetch.unpackLimit=1",
    "transfer.unpackLimit=1",
    "transfer.credentialsInUrl=die",
    "transfer.bundleURI=false",
    "protocol.version=2",
)


class GitFailed(Exception):
    """git ended with another code than 0, or was ended by us because it took too long (`timed_out`)."""

    timed_out = False

    def __init__(self, args: Sequence[str], code: int, stdout: bytes, stderr: str) -> None:
        super().__init__(f"git {' '.join(args[:4])} ended with {code}: {stderr.strip()[:500]}")
        self.code = code
        self.stdout = stdout
        self.stderr = stderr


@dataclass(frozen=True)
class Fence:
    """What one git call on a stranger's bytes may use; sizes in bytes, times in seconds."""

    file_bytes: int = 256 * MIB
    memory_bytes: int = GIB
    cpu_seconds: int = 60
    protocols: str = ""  # a colon-separated list, as GIT_ALLOW_PROTOCOL wants it
    configuration: tuple[str, ...] = field(default=())

    def prefix(self, timeout: float) -> list[str]:
        """Limits that hold even when this process is killed before it can end git."""
        return [
            "prlimit",
            f"--fsize={self.file_bytes}",
            f"--as={self.memory_bytes}",
            f"--cpu={self.cpu_seconds}",
            "--nofile=256",
            "--core=0",
            "timeout",
            "--foreground",
            "--kill-after=2",
            f"{timeout + 2:.1f}",
        ]


def git(
    repo: Path,
    *args: str,
    input: bytes | None = None,  # noqa: A002 - the name that subprocess gives it
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    fence: Fence | None = None,
) -> bytes:
    """Run git in the bare repository `repo` and return what it printed.

    Without a fence the bytes it reads are taken for our own: no transport is allowed and no resource is
    limited but time. Raises GitFailed; Trouble if there is no git.
    """
    return run(["--git-dir", str(repo), *args], input=input, env=env, timeout=timeout, fence=fence)


def run(
    args: Sequence[str],
    *,
    input: bytes | None = None,  # noqa: A002 - the name that subprocess gives it
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    fence: Fence | None = None,
) -> bytes:
    """The same without a repository, for `git init` and `git check-ref-format`."""
    command = [*_environment(env, fence), *(fence.prefix(timeout) if fence else ()), *_git(fence), *args]
    with ExitStack() as stack:
        process = _start(command, stack.enter_context(_memory_file(input or b"")))
        output, errors, timed_out = _wait(process, timeout)
    said = errors.decode("utf-8", "replace")
    if process.returncode == NOT_FOUND:
        raise Trouble(f"A program that Patchbay needs for git is not on this machine: {said.strip()}")
    if process.returncode or timed_out:
        failure = GitFailed(args, process.returncode, output, said)
        failure.timed_out = timed_out
        raise failure
    return output


def _environment(env: Mapping[str, str] | None, fence: Fence | None) -> list[str]:
    """`env -i` keeps our secrets out of reach: GitPython itself hands down the whole environment."""
    protocols = fence.protocols if fence else ""
    wanted = {**ENVIRONMENT, "GIT_ALLOW_PROTOCOL": protocols, **(env or {})}
    return ["env", "-i", *(f"{name}={value}" for name, value in wanted.items())]


def _git(fence: Fence | None) -> list[str]:
    settings = (*CONFIGURATION, *NETWORK_CONFIGURATION, *fence.configuration) if fence else CONFIGURATION
    return ["git", *(word for setting in settings for word in ("-c", setting))]


def _memory_file(content: bytes) -> BinaryIO:
    stream = os.fdopen(os.memfd_create("git-input"), "w+b")
    stream.write(content)
    stream.seek(0)
    return stream


def _start(command: list[str], stdin: BinaryIO) -> subprocess.Popen[bytes]:
    running = Git("/").execute(command, istream=stdin, as_process=True, start_new_session=True)
    process, running.proc = running.proc, None  # GitPython would end it once the wrapper is forgotten
    if process is None:
        raise Trouble("git could not be started.")
    return process


def _wait(process: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, bytes, bool]:
    ended = threading.Event()

    def end() -> None:
        ended.set()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    clock = threading.Timer(timeout, end)
    clock.start()
    try:
        output, errors = process.communicate()
    except BaseException:
        end()
        raise
    finally:
        clock.cancel()
    return output, errors, ended.is_set()
