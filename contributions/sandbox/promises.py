"""Proves by trying, on this very host, what the sandbox promises; the operator and the worker read the answers.

A promise that could not be tried counts as broken.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from contributions import errors
from contributions.sandbox import bounds, findings
from contributions.sandbox.trials import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.sandbox.executors import Executor


@dataclass(frozen=True)
class Promise:
    """One promise; a worker must not build while an essential one is broken."""

    name: str
    held: bool
    essential: bool
    detail: str

    @property
    def breaks_builds(self) -> bool:
        return self.essential and not self.held


# Kept where the host allows it; without them a build is still contained, only less fairly counted.
_WISHED_FOR = frozenset({"the kernel counts memory and processes", "processor time is shared out"})
_AT_ONCE = 4
START = "a jail starts"


def self_check(executor: Executor, image: str = "") -> list[Promise]:
    """All promises, tried now; takes a few seconds. A limit that seems not to hold is tried once more."""
    with tempfile.TemporaryDirectory(prefix="patchbay-check-") as directory:
        Path(directory).chmod(0o755)  # the canaries are in nobody's way but the jail's
        trial = Trial(Path(directory), executor, image)
        start = _kept(START, lambda: bounds.starts(trial))
        if not start.held:
            return [start]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            looking = pool.submit(_looked_around, trial)
            attacking = [pool.submit(_attacked, name, trial) for name in bounds.ATTACKS]
            return [start, *looking.result(), *(attack.result() for attack in attacking)]


def _looked_around(trial: Trial) -> list[Promise]:
    """One jail answers for all that can be seen from within."""
    try:
        with findings.looked_around(trial) as seen:
            return [_kept(name, partial(judge, seen)) for name, judge in findings.JUDGES.items()]
    except errors.Trouble as trouble:
        return [Promise(name, held=False, essential=True, detail=trouble.sentence) for name in findings.JUDGES]


def _attacked(name: str, trial: Trial) -> Promise:
    first = _kept(name, partial(bounds.ATTACKS[name], trial))
    return first if first.held else _kept(name, partial(bounds.ATTACKS[name], trial))


def _kept(name: str, look: Callable[[], tuple[bool, str]]) -> Promise:
    try:
        held, detail = look()
    except errors.Trouble as trouble:
        held, detail = False, trouble.sentence
    except (KeyError, ValueError, TypeError, OSError) as problem:
        held, detail = False, f"It could not be tried: {problem!r}."
    return Promise(name, held, essential=name not in _WISHED_FOR, detail=detail)
