"""Proves by trying, on this very host, what the sandbox promises; the operator and the worker read the answers.

A promise that could not be tried counts as broken.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contributions import errors
from contributions.sandbox.cgroups import make_fence
from contributions.sandbox.jobs import Job, Limits, Outcome, Step, Verdict
from contributions.sandbox.launching import BUILD_UID
from contributions.sandbox.running import run

if TYPE_CHECKING:
    from collections.abc import Callable

# Values shorter than this are too common to tell a leak from a coincidence.
_TELLING = 8
_TIMELY = 3.0

_LIMITS = Limits(wall_seconds=20, memory_mb=96, processes=32, disk_mb=32, file_mb=64)


@dataclass(frozen=True)
class Promise:
    """One promise; a worker must not build while an essential one is broken."""

    name: str
    held: bool
    essential: bool
    detail: str


@dataclass(frozen=True)
class _Try:
    """Runs probes in the jail; `log` has their output."""

    directory: Path
    uid: int

    def run(self, script: str, limits: Limits = _LIMITS) -> tuple[Outcome, str]:
        output: list[bytes] = []
        job = Job(steps=(Step("probe", script),), limits=limits)
        outcome = run(job, on_output=output.append, keep_going=lambda: True, artifacts_to=self.directory, uid=self.uid)
        return outcome, b"".join(output).decode(errors="replace")


def self_check(uid: int = BUILD_UID) -> list[Promise]:
    """All promises, tried now; takes a few seconds."""
    with tempfile.TemporaryDirectory() as directory:
        trial = _Try(Path(directory), uid)
        starts = _promise("a jail starts", _starts, trial)
        return [starts, *(_promise(name, check, trial) for name, check in _CHECKS.items() if starts.held), _counted()]


def _promise(name: str, check: Callable[[_Try], tuple[bool, str]], trial: _Try) -> Promise:
    try:
        held, detail = check(trial)
    except errors.Trouble as trouble:
        held, detail = False, trouble.sentence
    return Promise(name, held, essential=True, detail=detail)


def _counted() -> Promise:
    fence = make_fence(_LIMITS)
    fence.remove()
    held = fence.holds("memory") and fence.holds("pids")
    counted = ", ".join(sorted(fence.groups)) or "nothing"
    detail = f"Control groups (version {fence.version or 'none'}) bound: {counted}."
    if not held:
        detail += " Memory is watched every tenth of a second instead, and each process is bounded by itself."
    return Promise("the kernel counts a build's memory and processes", held, essential=False, detail=detail)


def _starts(trial: _Try) -> tuple[bool, str]:
    outcome, log = trial.run("id")
    return outcome.verdict == Verdict.PASSED, log.splitlines()[1] if outcome.verdict == Verdict.PASSED else log


def _no_network(trial: _Try) -> tuple[bool, str]:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.05)
        port = canary.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
        _, log = trial.run(f'tail -n +3 /proc/net/dev\npython3 -c "{connect}" || true')
        try:
            canary.accept()[0].close()
        except TimeoutError:
            reached = False
        else:
            reached = True
    interfaces = [line.split(":")[0].strip() for line in log.splitlines() if ":" in line and "lo" in line.split(":")[0]]
    refused = "ConnectionRefusedError" in log
    return refused and not reached and interfaces == ["lo"], "A server of this host cannot be reached from the jail."


def _no_host_files(trial: _Try) -> tuple[bool, str]:
    canary = trial.directory / "canary"
    canary.write_text(secret := secrets.token_hex(16))
    canary.chmod(0o644)
    places = (str(canary), "/etc/shadow", "/etc/machine-id", "/home", "/root", "/srv", "/var/lib")
    _, log = trial.run(f"ls -dA {' '.join(places)} || true; cat {canary} || true")
    missing = log.count("No such file or directory") - 1
    return secret not in log and missing == len(places), "The host's own files and homes are not there."


def _no_secrets(trial: _Try) -> tuple[bool, str]:
    _, log = trial.run("cat /proc/[0-9]*/environ | tr '\\0' '\\n'; echo looked")
    told = [name for name, value in os.environ.items() if len(value) >= _TELLING and f"{name}={value}" in log]
    return "looked" in log and not told, "The worker's environment cannot be read in the jail."


def _not_root(trial: _Try) -> tuple[bool, str]:
    _, log = trial.run("id -u; cat /proc/self/uid_map; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status")
    lines = [line.split() for line in log.splitlines()]
    mapped = next((line for line in lines if len(line) == 3 and all(part.isdigit() for part in line)), [])  # noqa: PLR2004 - a uid_map line
    held = ["CapEff:", "0" * 16] in lines and ["NoNewPrivs:", "1"] in lines and bool(mapped) and "0" not in mapped[:2]
    who = trial.uid if os.geteuid() == 0 else os.geteuid()
    return held, f"Builds run as user {who} of this host, without any capability."


def _no_writes(trial: _Try) -> tuple[bool, str]:
    places = "/ /usr /etc /dev /proc /run /run/patchbay /var /usr/local/bin /bin"
    _, log = trial.run(
        f"for place in {places}; do (: > $place/canary) 2>/dev/null && echo wrote $place; done; echo tried"
    )
    wrote = [line for line in log.splitlines() if line.startswith("wrote")]
    return "tried" in log and not wrote, "Only /build, /tmp and /dev/shm can be written."


def _memory(trial: _Try) -> tuple[bool, str]:
    hog = "import time; held = b'x' * (40 << 20); time.sleep(2)"
    outcome, _ = trial.run(
        f'for n in 1 2 3 4; do python3 -c "{hog}" & pids="${{pids:-}} $!"; done\nfor p in $pids; do wait $p; done'
    )
    return _limited(outcome, "memory")


def _processes(trial: _Try) -> tuple[bool, str]:
    fork = "import os, time\nfor n in range(100):\n    if os.fork() == 0:\n        time.sleep(9)\n        os._exit(0)"
    outcome, _ = trial.run(f'python3 -c "{fork}"')
    return _limited(outcome, "processes")


def _disk(trial: _Try) -> tuple[bool, str]:
    outcome, _ = trial.run("head -c 40M /dev/zero > filler")
    return _limited(outcome, "disk")


def _limited(outcome: Outcome, name: str) -> tuple[bool, str]:
    return bool(outcome.limit and outcome.limit.name == name), outcome.sentence


def _ends_in_time(trial: _Try) -> tuple[bool, str]:
    marker = f"31536{secrets.randbelow(10**9):09}"
    script = f"trap '' TERM INT HUP\n(trap '' TERM HUP; setsid sleep {marker}) &\nsleep {marker}"
    outcome, _ = trial.run(script, Limits(wall_seconds=1))
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if marker in _text(path)]
    held = outcome.verdict == Verdict.TIMED_OUT and outcome.seconds < _TIMELY and not left
    return held, f"{outcome.sentence} {len(left)} processes were left."


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _few_calls(trial: _Try) -> tuple[bool, str]:
    families = ("AF_VSOCK", "AF_NETLINK", "AF_PACKET")
    tries = (f"import socket as s\ntry: s.socket(s.{family}, 2)\nexcept OSError as e: print(e)" for family in families)
    script = "grep Seccomp: /proc/self/status\nunshare -U true || echo no namespace\n"
    _, log = trial.run(script + "".join(f'python3 -c "{attempt}"\n' for attempt in tries))
    refused = log.count(os.strerror(errno.EAFNOSUPPORT)) == len(families)
    held = "Seccomp:\t2" in log and "no namespace" in log and refused
    return held, "System calls are filtered: no namespaces, no sockets but local and internet ones."


_CHECKS: dict[str, Callable[[_Try], tuple[bool, str]]] = {
    "no network": _no_network,
    "no files of the host": _no_host_files,
    "no secrets of the worker": _no_secrets,
    "no root": _not_root,
    "no writing outside": _no_writes,
    "few system calls": _few_calls,
    "memory is bounded": _memory,
    "processes are bounded": _processes,
    "the disk is bounded": _disk,
    "an end in time for the whole tree": _ends_in_time,
}
