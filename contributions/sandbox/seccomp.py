"""The filter of system calls that every build runs under, made as the classic BPF program that bwrap loads.

The filter only narrows what namespaces already hold back: it closes the kernel's rarely used doors.
"""

from __future__ import annotations

import errno
import functools
import itertools
import platform
import struct
from dataclasses import dataclass
from typing import Any

from contributions.sandbox.bubblewrap import SandboxUnavailable
from contributions.sandbox.syscalls import MACHINES, Machine

# Instruction codes of classic BPF, from linux/bpf_common.h.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
# Verdicts, from linux/seccomp.h.
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
# Offsets in struct seccomp_data.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
# Calls of the x32 interface carry this bit; the kernel takes them under the x86_64 architecture code.
_X32_BIT = 0x40000000

_FORBIDDEN = (
    "mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr "
    "unshare setns ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd "
    "keyctl add_key request_key bpf perf_event_open userfaultfd "
    "init_module finit_module delete_module create_module get_kernel_syms query_module kexec_load kexec_file_load "
    "reboot swapon swapoff acct quotactl quotactl_fd syslog "
    "settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname "
    "iopl ioperm modify_ldt name_to_handle_at open_by_handle_at lookup_dcookie nfsservctl "
    "mbind set_mempolicy get_mempolicy move_pages migrate_pages set_mempolicy_home_node "
    "fanotify_init fanotify_mark vhangup uselib ustat sysfs _sysctl personality "
)
_UNSUPPORTED = "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr"
# Programs fall back when these seem to be missing: their arguments lie in memory, where a filter cannot look.
_ABSENT = "clone3 openat2 io_uring_setup io_uring_enter io_uring_register memfd_secret"
# Memory that no process limit counts; closed where no memory cgroup counts it.
_UNCOUNTED_MEMORY = "memfd_create shmget"

# CLONE_NEW* of linux/sched.h: mount, cgroup, uts, ipc, user, pid and network namespaces.
_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_SET_ID_BITS = 0o6000
_CREATING = 0o100 | 0o20000000  # O_CREAT | __O_TMPFILE: only then open() has a mode
_FILE_TYPE, _CHARACTER_DEVICE, _BLOCK_DEVICE = 0o170000, 0o020000, 0o060000
_TERMINAL_TRICKS = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_SOCKETS = ("socket", "socketpair")


@dataclass(frozen=True)
class _Argument:
    """A test on the low half of one argument: any bit of `mask` set, or, given `equals`, those bits equal to it."""

    index: int
    mask: int = 0xFFFFFFFF
    equals: int | None = None

    def code(self, otherwise: int) -> list[bytes]:
        load = [_instruction(_LOAD, _ARGUMENTS + 8 * self.index)]
        if self.equals is None:
            return [*load, _instruction(_ANY_BIT, self.mask, if_false=otherwise)]
        masked = [_instruction(_AND, self.mask)]
        return [*load, *masked, _instruction(_EQUAL, self.equals, if_false=otherwise)]


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


@dataclass(frozen=True)
class _Rule:
    """Refuse these calls with `error` when all tests hold."""

    names: tuple[str, ...]
    error: int
    tests: tuple[_Argument, ...] = ()


def _refuse(number: int, error: int, *tests: _Argument) -> bytes:
    tail = [_instruction(_RETURN, _REFUSE | error)]
    for test in reversed(tests):
        tail = [*test.code(len(tail)), *tail]
    return b"".join([_instruction(_LOAD, _NUMBER), _instruction(_EQUAL, number, if_false=len(tail)), *tail])


def _prologue(machine: Machine) -> bytes:
    """End a process that calls through another interface, and hide calls younger than this table."""
    return b"".join(
        [
            _instruction(_LOAD, _ARCHITECTURE),
            _instruction(_EQUAL, machine.audit_code, if_true=1),
            _instruction(_RETURN, _KILL),
            _instruction(_LOAD, _NUMBER),
            _instruction(_AT_LEAST, _X32_BIT, if_false=1),
            _instruction(_RETURN, _KILL),
            _instruction(_AT_LEAST, machine.newest_call + 1, if_false=1),
            _instruction(_RETURN, _REFUSE | errno.ENOSYS),
        ]
    )


def _rules(*, memory_is_counted: bool) -> list[_Rule]:
    """The one table that both forms of the filter are made from; sockets have a rule of their own."""
    absent = _ABSENT if memory_is_counted else f"{_ABSENT} {_UNCOUNTED_MEMORY}"
    set_id = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mkdir": 1, "mkdirat": 2}
    set_id |= {"mknod": 1, "mknodat": 2}
    return [
        _Rule(tuple(_FORBIDDEN.split()), errno.EPERM),
        _Rule(tuple(_UNSUPPORTED.split()), errno.ENOTSUP),
        _Rule(tuple(absent.split()), errno.ENOSYS),
        _Rule(("clone",), errno.EPERM, (_Argument(0, _NEW_NAMESPACES),)),
        _Rule(("open",), errno.EPERM, (_Argument(1, _CREATING), _Argument(2, _SET_ID_BITS))),
        _Rule(("openat",), errno.EPERM, (_Argument(2, _CREATING), _Argument(3, _SET_ID_BITS))),
        *(_Rule((name,), errno.EPERM, (_Argument(place, _SET_ID_BITS),)) for name, place in set_id.items()),
        *(
            _Rule((name,), errno.EPERM, (_Argument(place, _FILE_TYPE, device),))
            for name, place in (("mknod", 1), ("mknodat", 2))
            for device in (_CHARACTER_DEVICE, _BLOCK_DEVICE)
        ),
        *(_Rule(("ioctl",), errno.EPERM, (_Argument(1, equals=request),)) for request in _TERMINAL_TRICKS),
    ]


def _by_table(machine: Machine, *, memory_is_counted: bool) -> bytes:
    return b"".join(
        _refuse(machine.calls[name], rule.error, *rule.tests)
        for rule in _rules(memory_is_counted=memory_is_counted)
        for name in rule.names
        if name in machine.calls
    )


def _sockets(machine: Machine) -> bytes:
    """Only local and internet sockets: vsock, netlink, packet and the rest reach past the network namespace."""
    code = b""
    for name in _SOCKETS:
        tests = [_instruction(_EQUAL, family, if_true=len(_FAMILIES) - place) for place, family in enumerate(_FAMILIES)]
        tail = [_instruction(_LOAD, _ARGUMENTS), *tests, _instruction(_RETURN, _REFUSE | errno.EAFNOSUPPORT)]
        head = [_instruction(_LOAD, _NUMBER), _instruction(_EQUAL, machine.calls[name], if_false=len(tail))]
        code += b"".join(head + tail)
    return code


@functools.cache
def program(*, memory_is_counted: bool, machine_name: str = "") -> bytes:
    """The filter for this machine as an array of struct sock_filter."""
    machine = _machine(machine_name or platform.machine())
    parts = (
        _prologue(machine),
        _by_table(machine, memory_is_counted=memory_is_counted),
        _sockets(machine),
        _instruction(_RETURN, _ALLOW),
    )
    return b"".join(parts)


def _machine(name: str) -> Machine:
    if name not in MACHINES:
        raise SandboxUnavailable(f"Builds cannot run here: there is no system call filter for {name} machines.")
    return MACHINES[name]


def profile(*, memory_is_counted: bool, machine_name: str = "") -> dict[str, Any]:
    """The same filter as the JSON that container engines take.

    It has no way to say "younger than the table"; and an engine's library ends the process that comes by another door.
    """
    machine = _machine(machine_name or platform.machine())
    rules = _rules(memory_is_counted=memory_is_counted)
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [machine.container_name],
        "syscalls": [entry for rule in rules for entry in _entries(rule)] + _socket_entries(),
    }


def _entries(rule: _Rule) -> list[dict[str, Any]]:
    """Any of some bits is not to be said in one comparison there: an entry for each, and for each pair of two tests."""
    return [_entry(rule.names, rule.error, list(args)) for args in itertools.product(*map(_comparisons, rule.tests))]


def _comparisons(test: _Argument) -> list[dict[str, Any]]:
    if test.equals is not None:
        return [_masked(test.index, test.mask, test.equals)]
    return [_masked(test.index, 1 << bit, 1 << bit) for bit in range(32) if test.mask >> bit & 1]


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def _socket_entries() -> list[dict[str, Any]]:
    """Every family but ours: the ones between by name of their number, the ones above by one comparison."""
    between = [family for family in range(max(_FAMILIES)) if family not in _FAMILIES]
    tests = [{"index": 0, "value": family, "op": "SCMP_CMP_EQ"} for family in between]
    tests.append({"index": 0, "value": max(_FAMILIES), "op": "SCMP_CMP_GT"})
    return [_entry(_SOCKETS, errno.EAFNOSUPPORT, [test]) for test in tests]


def _entry(names: tuple[str, ...], error: int, args: list[dict[str, Any]]) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": error, "args": args}
