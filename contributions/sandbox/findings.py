"""Judges what the probe met in a jail: nothing of the host in sight, nothing outside written, no door open."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contributions import errors
from contributions.sandbox import probe
from contributions.sandbox.syscalls import MACHINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contributions.sandbox.trials import Trial

Judge = tuple[bool, str]

# Values shorter than this are too common to tell a leak from a coincidence.
_TELLING = 8
_REFUSED = frozenset({"EPERM", "ENOSYS", "EOPNOTSUPP"})
_NEW_USER_NAMESPACE, _SIGNAL_CHILD, _ATTACH, _OLD_PERSONALITY = 0x10000000, 17, 16, 0x40000
# By kind; with these arguments the kernel would answer otherwise than the filter does, or do it.
KINDS: dict[str, dict[str, list[int]]] = {
    "mounts": dict.fromkeys(
        ("mount", "umount2", "pivot_root", "chroot", "fsopen", "fsmount", "open_tree", "move_mount", "mount_setattr"),
        [0] * 5,
    ),
    "namespaces": {
        "unshare": [_NEW_USER_NAMESPACE],
        "clone": [_NEW_USER_NAMESPACE | _SIGNAL_CHILD, 0, 0, 0, 0],
        "clone3": [0, 0],
        "setns": [-1, 0],
    },
    "keyrings": {"add_key": [0] * 5, "keyctl": [0, -3, 0], "request_key": [0] * 4},
    "other processes": {
        "ptrace": [_ATTACH, 1, 0, 0],
        "process_vm_readv": [1, 0, 0, 0, 0, 0],
        "process_vm_writev": [1, 0, 0, 0, 0, 0],
        "pidfd_getfd": [-1, 0, 0],
        "kcmp": [1, 1, 0, 0, 0],
    },
    "bpf": {"bpf": [0, 0, 0]},
    "performance events": {"perf_event_open": [0, 0, -1, -1, 0]},
    "another kernel": {"kexec_load": [0] * 4, "kexec_file_load": [-1, -1, 0, 0, 0], "reboot": [0] * 4},
    "kernel modules": {"init_module": [0] * 3, "finit_module": [-1, 0, 0], "delete_module": [0, 0]},
    "page faults": {"userfaultfd": [1]},
    "rings": {"io_uring_setup": [8, 0], "io_uring_enter": [-1, 0, 0, 0, 0, 0]},
    "the machine's clock, names and swap": {
        "settimeofday": [1, 0],
        "clock_settime": [0, 0],
        "sethostname": [0, -1],
        "swapon": [0, 0],
        "swapoff": [0],
        "acct": [1],
    },
    "files by handle, quotas and old personalities": {
        "open_by_handle_at": [-100, 0, 0],
        "quotactl": [0] * 4,
        "personality": [_OLD_PERSONALITY],
        "memfd_secret": [0],
    },
}


@dataclass(frozen=True)
class Seen:
    """What the probe met, and what is known outside to hold it against."""

    met: dict[str, Any]
    canary: Path
    word: str
    was_called: bool


@contextlib.contextmanager
def looked_around(trial: Trial) -> Iterator[Seen]:
    """Send the probe into a jail beside canaries of this host: a file that all may write, two servers."""
    canary = trial.directory / "canary"
    canary.write_text(word := secrets.token_hex(16))
    canary.chmod(0o666)
    abstract = f"patchbay-{word}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as by_name:
        by_name.bind(f"\0{abstract}")
        by_name.listen()
        given = {
            "CANARY": str(canary),
            "PORT": str(server.getsockname()[1]),
            "ABSTRACT": abstract,
            "CALLS": json.dumps(_numbered(MACHINES[platform.machine()].calls)),
        }
        given["GIVEN"] = json.dumps([*given, "GIVEN"])
        met = _ask(trial, given)
        yield Seen(met, canary, word, was_called=_has_caller(server) or _has_caller(by_name))


def _numbered(numbers: dict[str, int]) -> dict[str, tuple[int, list[int]]]:
    return {
        name: (numbers[name], arguments)
        for calls in KINDS.values()
        for name, arguments in calls.items()
        if name in numbers
    }


def _ask(trial: Trial, given: dict[str, str]) -> dict[str, Any]:
    source = Path(probe.__file__).read_text()
    tried = trial.run(f"python3 -I -S - <<'END OF PROBE'\n{source}\nEND OF PROBE\n", environment=given)
    for line in tried.log.splitlines():
        if line.startswith("SEEN "):
            met: dict[str, Any] = json.loads(line.removeprefix("SEEN "))
            return met
    raise errors.Trouble(f"The probe did not come back: {tried.outcome.sentence} {tried.log[-300:]}")


def _has_caller(server: socket.socket) -> bool:
    server.settimeout(0.02)
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


def _own_namespaces(seen: Seen) -> Judge:
    inner = seen.met["namespaces"]
    shared = [name for name, link in inner.items() if link == os.readlink(f"/proc/self/ns/{name}")]  # noqa: PTH115 - no file lies there
    shared = [name for name in shared if not name.startswith("time")]  # counts from the same start for all
    return not shared and len(inner) > len(shared), f"shared with the host: {', '.join(shared) or 'none'}"


def _no_capabilities(seen: Seen) -> Judge:
    status = seen.met["status"]
    held = [name for name in status if name.startswith("Cap") and int(status[name], 16)]
    return not held, f"capability sets that hold any: {', '.join(held) or 'none'}"


def _no_new_privileges(seen: Seen) -> Judge:
    return seen.met["status"]["NoNewPrivs"] == "1", f"NoNewPrivs is {seen.met['status']['NoNewPrivs']}"


def _no_set_id(seen: Seen) -> Judge:
    made = [name for name, answer in seen.met["set_id"].items() if answer == "done"]
    return not made, f"{', '.join(f'{name}: {answer}' for name, answer in seen.met['set_id'].items())}"


def _no_host_files(seen: Seen) -> Judge:
    return not seen.met["in_sight"], f"in sight: {', '.join(seen.met['in_sight']) or 'nothing'}"


def _no_secrets(seen: Seen) -> Judge:
    told = set(seen.met["told"])
    ours = _own_pairs()
    leaked = [name for name, pair in ours.items() if hashlib.sha256(pair).hexdigest() in told]
    return bool(told) and not leaked, f"{len(ours)} values looked for, {len(leaked)} found"


def _own_pairs() -> dict[str, bytes]:
    pairs = ((name, os.fsencode(f"{name}={value}")) for name, value in os.environ.items() if len(value) >= _TELLING)
    return {name: pair for name, pair in pairs if name not in {"PATH", "LANG", "HOME"}}


def _cleared(seen: Seen) -> Judge:
    known = {
        "HOME",
        "LANG",
        "PATH",
        "PWD",
        "SOURCE_DATE_EPOCH",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "SHLVL",
        "_",
    }
    strange = sorted(set(seen.met["environment"]) - known)
    return not strange, f"variables of others: {', '.join(strange) or 'none'}"


def _no_writing(seen: Seen) -> Judge:
    wrote = [place for place, answer in seen.met["written"].items() if answer == "done"]
    held = not wrote and seen.canary.read_text() == seen.word
    return held, f"{len(seen.met['written'])} places tried, written: {', '.join(wrote) or 'none'}"


def _private_proc(seen: Seen) -> Judge:
    processes = seen.met["processes"]
    return os.getpid() not in processes[8:] and len(processes) <= 8, f"{len(processes)} processes in sight"  # noqa: PLR2004 - the jail's own


def _private_dev(seen: Seen) -> Judge:
    strange = sorted(set(seen.met["devices"]) - {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"})
    return not strange, f"devices: {' '.join(seen.met['devices'])}"


def _new_session(seen: Seen) -> Judge:
    terminal = seen.met["terminal"]
    held = seen.met["session"] > 0 and terminal["typing"] == "EPERM" and terminal["terminal"] != "done"
    return held, f"session {seen.met['session']}, TIOCSTI: {terminal['typing']}, /dev/tty: {terminal['terminal']}"


def _filtered(kind: str) -> Callable[[Seen], Judge]:
    def judge(seen: Seen) -> Judge:
        answers = {name: seen.met["calls"][name] for name in KINDS[kind] if name in seen.met["calls"]}
        held = bool(answers) and seen.met["status"]["Seccomp"] == "2" and set(answers.values()) <= _REFUSED
        return held, ", ".join(f"{name}: {answer}" for name, answer in answers.items())

    return judge


def _few_sockets(seen: Seen) -> Judge:
    answers = seen.met["sockets"]
    refused = all(answers[name] == "EAFNOSUPPORT" for name in probe.FAMILIES)
    held = refused and answers["unix"] == answers["inet"] == "done"
    return held, ", ".join(f"{name}: {answer}" for name, answer in answers.items())


def _no_other_doors(seen: Seen) -> Judge:
    answers = seen.met["doors"]
    held = all(answer == "SIGSYS" for answer in answers.values())
    return held, ", ".join(f"{name}: {answer}" for name, answer in answers.items()) or "this machine has no others"


def _no_network(seen: Seen) -> Judge:
    met = [name for name, answer in seen.met["reached"].items() if answer == "done"]
    held = not met and not seen.was_called and seen.met["interfaces"] == ["lo"]
    return held, f"interfaces: {' '.join(seen.met['interfaces'])}; reached: {', '.join(met) or 'nothing'}"


def _no_core(seen: Seen) -> Judge:
    return not seen.met["core"], f"core files: {', '.join(seen.met['core']) or 'none'}"


def _bounded_for_good(seen: Seen) -> Judge:
    return not seen.met["raised"], f"limits that could be lifted: {', '.join(seen.met['raised']) or 'none'}"


JUDGES: dict[str, Callable[[Seen], Judge]] = {
    "namespaces of its own": _own_namespaces,
    "no capabilities": _no_capabilities,
    "no new privileges": _no_new_privileges,
    "no set-user-id files, devices or attributes": _no_set_id,
    "no files of the host": _no_host_files,
    "no secrets of the worker": _no_secrets,
    "a cleared environment": _cleared,
    "no writing outside": _no_writing,
    "a /proc of its own": _private_proc,
    "a /dev of its own": _private_dev,
    "a session of its own": _new_session,
    "no network": _no_network,
    "only local and internet sockets": _few_sockets,
    **{f"no system calls for {kind}": _filtered(kind) for kind in KINDS},
    "no doors of other architectures": _no_other_doors,
    "no core files": _no_core,
    "limits that cannot be lifted": _bounded_for_good,
}
