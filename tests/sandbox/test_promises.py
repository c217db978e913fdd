"""The sandbox's proof of itself holds on this host, says what the host lacks, and fails where nothing confines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contributions.sandbox import executor_named, self_check
from tests.sandbox.unconfined import Unconfined

# A plain process starts as well, and some hosts take cores elsewhere.
KEPT_BY_ANYBODY = frozenset({"a jail starts", "no core files"})
# What no host keeps by itself, be it a container with rules of its own.
KEPT_BY_NO_HOST = frozenset(
    {
        "namespaces of its own",
        "no secrets of the worker",
        "a cleared environment",
        "no writing outside",
        "a session of its own",
        "no network",
        "memory is bounded",
        "processes are bounded",
        "the disk is bounded",
        "the size of a file is bounded",
        "the number of files is bounded",
        "the log is bounded",
        "an end in time for the whole tree",
        "an end for the silent",
        "artifacts are plain files of the work area",
    }
)


@pytest.mark.attack("S39")
def test_every_essential_promise_is_held() -> None:
    promises = self_check(executor_named("bubblewrap"))
    assert [promise for promise in promises if promise.breaks_builds] == []
    assert len(promises) == 41
    assert all(promise.detail for promise in promises)


@pytest.mark.attack("S39")
def test_without_a_sandbox_the_same_attacks_break_the_promises() -> None:
    """The control of every promise: a check that cannot fail proves nothing."""
    promises = {promise.name: promise for promise in self_check(Unconfined())}
    held = {name for name, promise in promises.items() if promise.held}
    assert held & KEPT_BY_NO_HOST == set()
    assert promises["no root outside"].held is (os.geteuid() != 0)
    if os.geteuid() == 0 and "Seccomp:\t0" in Path("/proc/self/status").read_text():
        assert held <= KEPT_BY_ANYBODY
