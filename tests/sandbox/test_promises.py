"""The sandbox's proof of itself holds on this host, and says what the host lacks."""

from __future__ import annotations

from contributions.sandbox import self_check
from contributions.sandbox.cgroups import make_fence
from tests.sandbox.jailing import LIMITS


def test_every_essential_promise_is_held() -> None:
    promises = {promise.name: promise for promise in self_check()}
    assert [promise for promise in promises.values() if promise.essential and not promise.held] == []
    assert len(promises) == 12
    fence = make_fence(LIMITS)
    fence.remove()
    counted = promises["the kernel counts a build's memory and processes"]
    assert counted.held == (fence.holds("memory") and fence.holds("pids"))
    assert counted.held or "watched" in counted.detail
