"""Attacks on the host: each fails in the jail, for the reason stated, and works where nothing confines it."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from contributions.sandbox import BUILD_UID, Verdict
from contributions.sandbox.syscalls import MACHINES
from tests.sandbox.jailing import attack, processes_marked, unjailed, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sandbox.jailing import Jailer


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that everybody may read and write, were it in sight."""
    file = tmp_path / "canary.txt"
    file.write_text("the canary sings")
    file.chmod(0o666)
    return file


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, str]]:
    """One server of each kind on this host, as a build is told to find them."""
    path, abstract = str(tmp_path / "s"), f"patchbay-canary-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as by_path,
        socket.socket(socket.AF_UNIX) as by_name,
    ):
        udp.bind(("127.0.0.1", 0))
        by_path.bind(path)
        by_name.bind("\0" + abstract)
        by_path.listen()
        by_name.listen()
        yield {
            "TCP_PORT": str(tcp.getsockname()[1]),
            "UDP_PORT": str(udp.getsockname()[1]),
            "SOCKET_PATH": path,
            "ABSTRACT": abstract,
        }


@pytest.mark.attack("S16")
def test_no_server_of_the_host_is_reached(jail: Jailer, tmp_path: Path, servers: dict[str, str]) -> None:
    script = attack("call_home.py")
    control = unjailed(script, tmp_path / "control", **servers)
    assert re.findall(r"(\w+): reached", control)[:4] == ["tcp", "udp", "abstract", "path"]
    log = jail(script, environment=servers).log
    assert "reached" not in log.replace("udp: reached", "")  # a datagram to one's own loopback is always taken
    assert "tcp: ConnectionRefusedError" in log
    assert "abstract: ConnectionRefusedError" in log
    assert "path: FileNotFoundError" in log
    assert "metadata: OSError 101" in log  # the network is unreachable: there is no route but to oneself


def test_the_jail_has_a_loopback_of_its_own_and_nothing_else(jail: Jailer) -> None:
    serve = (
        "s = socket.create_server(('127.0.0.1', 8000)); socket.create_connection(('127.0.0.1', 8000)); print('mine')"
    )
    log = jail(f'tail -n +3 /proc/net/dev | cut -d: -f1\npython3 -c "import socket; {serve}"').log
    assert log.split() == [
        "==>",
        "build",
        "lo",
        "mine",
        "<==",
        "build:",
        "exit",
        "code",
        "0",
        "after",
        *log.split()[-2:],
    ]


@pytest.mark.attack("S16")
def test_a_datagram_stays_in_the_jail(jail: Jailer, servers: dict[str, str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as canary:
        canary.bind(("127.0.0.1", 0))
        canary.settimeout(0.2)
        jail(attack("call_home.py"), environment={**servers, "UDP_PORT": str(canary.getsockname()[1])})
        with pytest.raises(TimeoutError):
            canary.recv(100)


@pytest.mark.attack("S16")
def test_sockets_that_lead_past_the_network_are_refused(jail: Jailer, tmp_path: Path) -> None:
    script = attack("odd_sockets.py")
    assert "netlink: opened" in unjailed(script, tmp_path / "control")
    log = jail(script).log
    refused = re.findall(r"(\w+): 97\b", log)  # EAFNOSUPPORT, by the filter
    assert refused == ["vsock", "netlink", "packet", "alg"]
    assert "inet: opened" in log
    assert "unix: opened" in log


@pytest.mark.attack("S20")
def test_files_and_secrets_of_the_host_are_not_there(jail: Jailer, tmp_path: Path, canary: Path) -> None:
    script = attack("peek.py")
    given = {"CANARY": str(canary), "SECRET_NAME": "A_WORKERS_SECRET"}
    with subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], "A_WORKERS_SECRET": "hush"}) as worker:
        control = unjailed(script, tmp_path / "control", **given)
        log = jail(script, environment=given).log
        worker.kill()
    assert "the canary sings" in control
    assert f"found the secret in process {worker.pid}" in control
    assert "through /proc/" in control
    assert "found the" not in log
    assert f"{canary}: b'No such file or directory'" in log
    assert "/etc/shadow: b'No such file or directory'" in log
    assert "build:x:1000:1000" in log  # the only accounts are ours
    assert "looked everywhere" in log


@pytest.mark.attack("S20")
def test_what_the_worker_knows_is_not_in_its_jail(jail: Jailer) -> None:
    os.environ["A_WORKERS_SECRET"] = "hush"
    try:
        outcome = jail("cat /proc/*/environ | tr '\\0' '\\n' | grep -c A_WORKERS_SECRET && exit 1; env").outcome
    finally:
        del os.environ["A_WORKERS_SECRET"]
    assert outcome.verdict == Verdict.PASSED


@pytest.mark.attack("S21", "S32")
def test_nothing_outside_is_written(jail: Jailer, tmp_path: Path, canary: Path) -> None:
    script = attack("deface.sh")
    log = jail(script, environment={"CANARY": str(canary)}).log
    assert canary.read_text() == "the canary sings"
    assert "WROTE" not in log
    assert f"kept {canary}: " in log
    assert "Directory nonexistent" in log or "No such file" in log
    assert "/usr/bin/deface: " in log
    assert "Read-only file system" in log
    control = unjailed("echo defaced > $CANARY", tmp_path / "control", CANARY=str(canary))
    assert (canary.read_text(), control) == ("defaced\n", "")


def test_other_processes_can_neither_be_seen_nor_killed(jail: Jailer, tmp_path: Path, mark: str) -> None:
    script = attack("kill_neighbour.py")
    with subprocess.Popen(["sleep", mark]) as neighbour:
        log = jail(script, environment={"MARK": mark}).log
        assert neighbour.poll() is None
        assert "killed 0" in log
        assert "killed 1" in unjailed(script, tmp_path / "control", MARK=mark)
        assert neighbour.wait(5) == -9


@pytest.mark.attack("S29")
def test_the_other_doors_of_the_kernel_kill_who_enters(jail: Jailer, tmp_path: Path) -> None:
    if platform.machine() != "x86_64":
        pytest.fail("These doors are those of x86_64; name the ones of this machine.")
    script = attack("other_doors.py")
    control = unjailed(script, tmp_path / "control")
    assert "int 0x80: SIGSYS" not in control
    log = jail(script).log
    assert "int 0x80: SIGSYS" in log
    assert "x32: SIGSYS" in log


NEW_USER_NAMESPACE, SIGNAL_CHILD, ATTACH = 0x10000000, 17, 16
CALLS = {
    # With these arguments each call would do something or fail with another error.
    "unshare": ("EPERM", [NEW_USER_NAMESPACE]),
    "clone": ("EPERM", [NEW_USER_NAMESPACE | SIGNAL_CHILD, 0, 0, 0, 0]),
    "clone3": ("ENOSYS", [0, 0]),
    "mount": ("EPERM", [0, 0, 0, 0, 0]),
    "chroot": ("EPERM", [0]),
    "ptrace": ("EPERM", [ATTACH, 1, 0, 0]),
    "process_vm_readv": ("EPERM", [1, 0, 0, 0, 0, 0]),
    "add_key": ("EPERM", [0, 0, 0, 0, 0]),
    "keyctl": ("EPERM", [0, -3, 0]),
    "bpf": ("EPERM", [0, 0, 0]),
    "perf_event_open": ("EPERM", [0, 0, -1, -1, 0]),
    "userfaultfd": ("EPERM", [1]),
    "io_uring_setup": ("ENOSYS", [8, 0]),
    "kexec_load": ("EPERM", [0, 0, 0, 0]),
    "personality": ("EPERM", [0x40000]),
    "kcmp": ("EPERM", [1, 1, 0, 0, 0]),
    "open_by_handle_at": ("EPERM", [-100, 0, 0]),
    "quotactl": ("EPERM", [0, 0, 0, 0]),
    "setxattr": ("ENOTSUP", [0, 0, 0, 0, 0]),
    "openat2": ("ENOSYS", [0, 0, 0, 0]),
    "memfd_secret": ("ENOSYS", [0]),
}


def test_calls_that_no_build_needs_are_refused(jail: Jailer, tmp_path: Path) -> None:
    numbers = MACHINES[platform.machine()].calls
    calls = json.dumps([[name, numbers[name], *arguments] for name, (_, arguments) in CALLS.items()])
    script = attack("forbidden_calls.py")
    answers = dict(re.findall(r"^(\w+): (\w+)$", jail(script, environment={"CALLS": calls}).log, re.MULTILINE))
    expected = {name: error.replace("ENOTSUP", "EOPNOTSUPP") for name, (error, _) in CALLS.items()}
    assert {name: error.replace("ENOTSUP", "EOPNOTSUPP") for name, error in answers.items()} == expected
    control = dict(re.findall(r"^(\w+): (\w+)$", unjailed(script, tmp_path / "control", CALLS=calls), re.MULTILINE))
    # Unjailed they come as far as their arguments, or succeed: EFAULT, EINVAL, allowed.
    differing = {name for name, answer in expected.items() if control.get(name) != answer}
    assert {"clone3", "personality", "setxattr", "openat2", "unshare"} <= differing


@pytest.mark.attack("S30")
def test_nobody_types_for_others(jail: Jailer, tmp_path: Path) -> None:
    script = attack("type_for_others.py")
    control = unjailed(script, tmp_path / "control")
    assert "pipe: -1 25" in control  # ENOTTY: the call came as far as the pipe
    log = jail(script).log
    assert "pipe: -1 1\n" in log  # EPERM, by the filter
    assert "high bits: -1 1\n" in log
    assert "tty: 2\n" in log  # ENOENT


@pytest.mark.attack("S32")
def test_no_core_is_left(jail: Jailer, tmp_path: Path) -> None:
    script = attack("leave_a_core.sh")
    log = jail(script).log
    assert "core files are not allowed" in log
    assert not re.search(r"^core", log.split("allowed", 1)[1], re.MULTILINE)
    hard_limit = unjailed("ulimit -H -c", tmp_path / "control").strip()
    assert hard_limit != "0", "the control needs a host that allows core files"


@pytest.mark.attack("S37")
def test_the_jails_user_is_nobody_on_the_host(jail: Jailer, tmp_path: Path) -> None:
    log = jail("id -u; cat /proc/self/uid_map; touch /prepared/mine", output=_fresh(tmp_path / "output")).log
    inner, outer, count = log.splitlines()[2].split()
    assert (log.splitlines()[1], inner, count) == ("1000", "1000", "1")
    assert outer != "0"
    expected = BUILD_UID if os.geteuid() == 0 else os.geteuid()
    assert (tmp_path / "output" / "mine").stat().st_uid == expected


def _fresh(directory: Path) -> Path:
    directory.mkdir()
    return directory


@pytest.mark.attack("S22", "S26")
def test_artifacts_are_plain_files_with_plain_names(jail: Jailer, tmp_path: Path) -> None:
    script = attack("odd_artifacts.py")
    jailed = jail(script, artifact_patterns=("dist/**",))
    assert jailed.outcome.verdict == Verdict.PASSED
    taken = {artifact.name for artifact in jailed.outcome.artifacts}
    plain = {"dist/good.txt", "dist/deep/good-1.0+local~1.whl", "dist/same.txt"}
    assert taken - plain == set(re.findall(r"dist/(?:caps|suid|sgid)", " ".join(sorted(taken))))
    assert plain <= taken
    for artifact in jailed.outcome.artifacts:
        status = artifact.path.stat(follow_symlinks=False)
        assert (status.st_mode, status.st_nlink, artifact.path.parent) == (0o100644, 1, jail.directory)
    assert len(list(jail.directory.iterdir())) == len(taken)
    reasons = {refused.name: refused.reason for refused in jailed.outcome.refused}
    assert reasons["dist/link"] == "it is a symbolic link, not a plain file"
    assert reasons["dist/directory"] == "it is a symbolic link, not a plain file"
    assert reasons["dist/pipe"] == "it is a named pipe, not a plain file"
    assert reasons["dist/socket"] == "it is a socket, not a plain file"
    assert reasons["dist/sparse"] == "it is over the limit of 8 MB for one artifact"
    assert reasons["dist/closed"] == "it cannot be read: Permission denied"
    traps = [name for name, reason in reasons.items() if reason.startswith("its name")]
    assert len(traps) == 9
    assert all(name.isascii() and name.isprintable() for name in reasons)
    for what in ("hard link out", "character device", "block device", "set-user-id", "born set-group-id"):
        assert f"denied {what}" in jailed.log
    assert "denied capabilities: 95" in jailed.log  # ENOTSUP
    assert "made set-user-id" in unjailed(script, tmp_path / "control")


def test_nobody_changes_the_artifacts_while_they_are_taken(jail: Jailer) -> None:
    juggle = "while :; do truncate -s 0 dist/a; truncate -s 7M dist/a; done"
    script = f"mkdir dist; truncate -s 7M dist/a; (trap '' TERM; {juggle}) > /dev/null 2>&1 &\nsleep 0.2"
    outcome = jail(script, artifact_patterns=("dist/*",)).outcome
    assert outcome.verdict == Verdict.PASSED
    assert outcome.artifacts[0].size in {0, 7 << 20}
    assert outcome.artifacts[0].path.stat().st_size == outcome.artifacts[0].size


def test_forged_frames_lead_nowhere(jail: Jailer, tmp_path: Path) -> None:
    before = set(tmp_path.parent.rglob("*forged*"))
    jailed = jail(attack("forged_frames.py"), artifact_patterns=("dist/*",))
    # The pipe belongs to the worker: only where builds run as the worker's own user can it be opened again.
    assert ("the pipe is closed to me" if os.geteuid() == 0 else "forged") in jailed.log
    assert jailed.outcome.verdict == Verdict.FAILED
    assert jailed.outcome.artifacts == ()
    assert set(tmp_path.parent.rglob("*forged*")) == before
    assert list(jail.directory.iterdir()) == []


def test_when_the_worker_is_killed_its_build_dies_too(tmp_path: Path, mark: str) -> None:
    worker = f"""
import pathlib, sys
from contributions.sandbox import Job, Step, run
run(Job(steps=(Step("build", "sleep {mark}"),)), on_output=lambda data: print("output", flush=True),
    keep_going=lambda: True, artifacts_to=pathlib.Path({str(tmp_path)!r}))
"""
    with _python(worker) as process:
        assert wait_until(lambda: processes_marked(f"sleep\0{mark}"))
        process.kill()
        assert wait_until(lambda: not processes_marked(f"sleep\0{mark}"))


def _python(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
