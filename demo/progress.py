"""Showing what the demo does, step by step, with the time that each step took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class StepFailed(Exception):
    """A step did not do what it says; the sentence names both."""


class Progress:
    """Numbered steps, written line by line through `write`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._number = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self._number += 1
        number, started = self._number, time.monotonic()
        self._write(f"{number:2}. {title}")
        try:
            yield
        except Exception as problem:
            raise StepFailed(f"Step {number} failed ({title}): {problem}") from problem
        self._write(f"    {time.monotonic() - started:.1f} s")

    def note(self, text: str) -> None:
        self._write(f"    {text}")


def hold(claim: bool, sentence: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Fail the step with the sentence unless the claim holds."""
    if not claim:
        raise StepFailed(sentence)


def wait_for(what: str, is_there: Callable[[], bool], *, seconds: float, pause: float = 0.5) -> None:
    """Return once it is there; fail the step when it is not after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_there():
        hold(time.monotonic() < deadline, f"{what}: not after {seconds:.0f} s")
        time.sleep(pause)
