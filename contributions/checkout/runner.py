"""The one door to git: an empty environment, no configuration but ours, no hooks, no prompts, an end in time.

Every repository is bare and named by `--git-dir`; git never starts inside a directory that a stranger filled.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
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

MAX_WORDS = 16 * KIB  # of what git says beside its output, the end is kept
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
    "http.lowSpeedTime=20",
    "fetch.fsckObjects=true",
    "transfer.fsckObjects=true",
    "fetch.recurseSubmodules=no",
    "fetch.unpackLimit=1",
    "transfer.unpackLimit=1",
    "transfer.credentialsInUrl=die",
    "transfer.bundleURI=false",
    "protocol.version=2",
)


class GitFailed(Trouble):
    """git ended with another code than 0, or we ended it: it took too long or said too much.

    Who knows that a customer's bytes are the reason turns it into a refusal; what is left is our trouble.
    """

    timed_out = False
    said_too_much = False

    def __init__(self, args: Sequence[str], code: int, stdout: bytes, stderr: str) -> None:
        words = args[2:] if args[:1] == ["--git-dir"] else args
        verb = next((word for word in words if not word.startswith("-")), "")
        super().__init__(f"git {verb} failed on our side; its code was {code}.")
        self.command = verb
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def is_of_size(self) -> bool:
        """Whether what it was given was too much for the fence: more output than allowed, or memory than there is."""
        return self.said_too_much or "out of memory" in self.stderr.lower()

    def __str__(self) -> str:
        return f"git {self.command} ended with {self.code}: {self.stderr.strip()[:500]}"


@dataclass(frozen=True)
class Fence:
    """What one git call on a stranger's bytes may use; sizes in bytes, times in seconds."""

    file_bytes: int = 256 * MIB
    memory_bytes: int = GIB
    cpu_seconds: int = 60
    output_bytes: int = 256 * MIB
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
    with _memory_file(input or b"") as stdin:
        process = start(args, stdin, env=env, timeout=timeout, fence=fence)
        ended = _Ended(process, timeout, fence.output_bytes if fence else None)
    said = ended.stderr.decode("utf-8", "replace")
    if ended.code == NOT_FOUND:
        raise Trouble(f"A program that Patchbay needs for git is not on this machine: {said.strip()}")
    if ended.code or ended.timed_out or ended.said_too_much:
        failure = GitFailed(args, ended.code, ended.stdout, said)
        failure.timed_out, failure.said_too_much = ended.timed_out, ended.said_too_much
        raise failure
    return ended.stdout


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


def start(  # noqa: PLR0913 - what a process needs, all named but two
    args: Sequence[str],
    stdin: BinaryIO,
    *,
    env: Mapping[str, str] | None,
    timeout: float,
    fence: Fence | None,
    before: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """A git process in a group of its own; `before` is a program that starts it."""
    limits = fence.prefix(timeout) if fence else ()
    command = [*_environment(env, fence), *limits, *before, *_git(fence), *args]
    running = Git("/").execute(command, istream=stdin, as_process=True, start_new_session=True)
    process, running.proc = running.proc, None  # GitPython would end it once the wrapper is forgotten
    if process is None:
        raise Trouble("git could not be started.")
    return process


class _Ended:
    """A process that is followed to its end, or brought to it: out of time, or beyond the output it may make."""

    def __init__(self, process: subprocess.Popen[bytes], timeout: float, most: int | None) -> None:
        self.timed_out = self.said_too_much = False
        self.stdout = self.stderr = b""
        self._process = process
        listener = threading.Thread(target=self._listen, daemon=True)
        clock = threading.Timer(timeout, self._run_out)
        listener.start()
        clock.start()
        try:
            self.stdout = self._read(most)
            listener.join()
            self.code = process.wait()
        except BaseException:
            self._kill()
            process.wait()
            raise
        finally:
            clock.cancel()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()

    def _read(self, most: int | None) -> bytes:
        output = bytearray()
        while self._process.stdout and (chunk := self._process.stdout.read1(MIB)):  # type: ignore[attr-defined] # a BufferedReader
            output += chunk
            if most is not None and len(output) > most:
                self.said_too_much = True
                self._kill()
                return b""
        return bytes(output)

    def _listen(self) -> None:
        while self._process.stderr and (chunk := self._process.stderr.read1(KIB)):  # type: ignore[attr-defined] # the same
            self.stderr = (self.stderr + chunk)[-MAX_WORDS:]

    def _run_out(self) -> None:
        self.timed_out = True
        self._kill()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
