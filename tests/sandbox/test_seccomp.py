"""The filter's program, read by a small machine of our own, so that each architecture's table can be judged here."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from contributions.sandbox import SandboxUnavailable
from contributions.sandbox.seccomp import profile, program
from contributions.sandbox.syscalls import MACHINES

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000


def judge(code: bytes, number: int, *arguments: int, audit_code: int) -> int:
    """Run the filter on one call as the kernel would; an unknown instruction fails the test."""
    data = struct.pack("=iIQ6Q", number, audit_code, 0, *(*arguments, *[0] * 6)[:6])
    instructions = list(struct.iter_unpack("=HBBI", code))
    place = value = 0
    while True:
        kind, if_true, if_false, operand = instructions[place]
        place += 1
        if kind == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif kind == 0x54:
            value &= operand
        elif kind == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[kind]
            place += if_true if holds else if_false


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_each_named_call_meets_its_answer(name: str) -> None:
    machine = MACHINES[name]
    code = program(memory_is_counted=False, machine_name=name)

    def answer(call: str, *arguments: int) -> int:
        return judge(code, machine.calls[call], *arguments, audit_code=machine.audit_code)

    assert answer("mount") == answer("ptrace") == answer("keyctl") == REFUSE | errno.EPERM
    assert answer("clone3") == answer("memfd_create") == REFUSE | errno.ENOSYS
    assert answer("clone", 0x10000000) == REFUSE | errno.EPERM
    assert answer("clone", 0x01200011) == ALLOW
    assert answer("openat", 0, 0, 0o101, 0o644) == ALLOW
    assert answer("openat", 0, 0, 0o101, 0o4755) == REFUSE | errno.EPERM
    assert answer("openat", 0, 0, 0, 0o4755) == ALLOW, "without O_CREAT the mode is whatever was left there"
    assert answer("fchmod", 3, 0o755) == ALLOW
    assert answer("fchmod", 3, 0o2755) == REFUSE | errno.EPERM
    assert answer("mknodat", 0, 0, 0o010644) == ALLOW
    assert answer("mknodat", 0, 0, 0o020644) == REFUSE | errno.EPERM
    assert answer("ioctl", 0, 0x5412 | 1 << 32) == REFUSE | errno.EPERM
    assert answer("ioctl", 0, 0x5401) == ALLOW
    assert [answer("socket", family) for family in (1, 2, 10)] == [ALLOW] * 3
    assert [answer("socket", family) for family in (0, 16, 17, 38, 40)] == [REFUSE | errno.EAFNOSUPPORT] * 5


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_what_has_no_name_in_the_table_is_allowed_up_to_the_newest_call(name: str) -> None:
    machine = MACHINES[name]
    code = program(memory_is_counted=True, machine_name=name)
    unnamed = set(range(machine.newest_call + 1)) - set(machine.calls.values())
    assert {judge(code, number, audit_code=machine.audit_code) for number in unnamed} == {ALLOW}
    assert judge(code, machine.newest_call + 1, audit_code=machine.audit_code) == REFUSE | errno.ENOSYS
    assert judge(code, 39, audit_code=0x40000003) == KILL, "another architecture's door"
    assert judge(code, 0x40000000 | 39, audit_code=machine.audit_code) == KILL, "the x32 door"


def test_memory_without_a_name_is_allowed_where_the_kernel_counts_it() -> None:
    machine = MACHINES["x86_64"]
    code = program(memory_is_counted=True, machine_name="x86_64")
    assert judge(code, machine.calls["memfd_create"], audit_code=machine.audit_code) == ALLOW


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="no system call filter for riscv64 machines"):
        program(memory_is_counted=True, machine_name="riscv64")


def test_the_engines_form_refuses_what_the_kernels_form_does() -> None:
    """Each call of the table, with each argument that it is refused for, meets an entry of the JSON; no other does."""
    entries = profile(memory_is_counted=True, machine_name="x86_64")["syscalls"]

    def answer(name: str, *arguments: int) -> int | None:
        given = [*arguments, *[0] * 6]
        for entry in entries:
            if name in entry["names"] and all(_holds(test, given[test["index"]]) for test in entry["args"]):
                return int(entry["errnoRet"])
        return None

    for name in ("mount", "ptrace", "bpf", "keyctl", "kexec_load", "userfaultfd"):
        assert answer(name) == errno.EPERM
    assert answer("clone3") == errno.ENOSYS
    assert answer("clone", 0x10000000 | 17) == errno.EPERM
    assert answer("clone", 17) is None
    assert answer("openat", 0, 0, 0o100, 0o2755) == errno.EPERM
    assert answer("openat", 0, 0, 0, 0o2755) is None, "without O_CREAT there is no mode"
    assert answer("chmod", 0, 0o4755) == errno.EPERM
    assert answer("chmod", 0, 0o755) is None
    assert answer("mknod", 0, 0o20666) == errno.EPERM
    assert answer("mknod", 0, 0o10666) is None, "a named pipe"
    assert answer("ioctl", 0, 0x5412 | 1 << 32) == errno.EPERM
    assert answer("ioctl", 0, 0x5401) is None
    assert [family for family in range(60) if answer("socket", family) is None] == [1, 2, 10]
    assert answer("socket", 1 << 32 | 16) == errno.EAFNOSUPPORT
    assert answer("read") is None


def _holds(test: dict[str, Any], value: int) -> bool:
    """As libseccomp compares."""
    if test["op"] == "SCMP_CMP_MASKED_EQ":
        return value & test["value"] == test["valueTwo"]
    return value == test["value"] if test["op"] == "SCMP_CMP_EQ" else value > test["value"]
