"""The sandbox's proof of itself holds on this host, says what the host lacks, and fails where nothing confines."""

from __future__ import annotations

import os

import pytest

from contributions.sandbox import executor_named, self_check
from tests.sandbox.unconfined import Unconfined

# A plain process starts as well, and on a busy host it gets little time.
KEPT_BY_ANYBODY = frozenset({"a jail starts"})


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
    assert held <= KEPT_BY_ANYBODY
    assert promises["no root outside"].held is (os.geteuid() != 0)
