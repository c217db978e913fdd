"""A git process that stays and answers questions one by one: starting one costs more than most of its answers.

The fence stands around it as around any other git on a stranger's bytes. Each answer has an end in time and in
size; a process that does not keep it is ended, and the next question starts another one.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar

from contributions.checkout.runner import KIB, MAX_WORDS, Fence, GitFailed, start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

LIFETIME = 900  # seconds after which a process is ended whatever became of us
MOST_QUESTIONS = 2_000  # after which another process begins anew: git forgets little of what it has read
SECONDS = 60  # that one answer may take
CHUNK = 256 * KIB

Answer = TypeVar("Answer")


class Talk:
    """Started by the first question, ended with the block or by `end`."""

    def __init__(
        self,
        repo: Path,
        *args: str,
        env: Mapping[str, str] | None = None,
        fence: Fence | None = None,
        seconds: float = SECONDS,
        before: Sequence[str] = (),
    ) -> None:
        self._args = ["--git-dir", str(repo), *args]
        self._env = env
        self._fence = fence or Fence()
        self._seconds = seconds
        self._before = before
        self._running: Voice | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int | None:
        """Of the process that runs, and of its group."""
        return self._running.pid if self._running else None

    def ask(self, question: bytes, read: Callable[[Voice], Answer]) -> Answer:
        """Send the question and let `read` take the whole answer. Raises GitFailed.

        A process that ended although it had answered before may have been full of that: the question is put
        once more, to another one.
        """
        if self._running and self._running.is_old():
            self.end()
        if self._running:
            try:
                return self._asked(self._running, question, read)
            except GitFailed as failure:
                if failure.timed_out or failure.said_too_much:
                    raise
        self._running = Voice(self._args, self._env, self._fence, self._before)
        return self._asked(self._running, question, read)

    def _asked(self, voice: Voice, question: bytes, read: Callable[[Voice], Answer]) -> Answer:
        try:
            voice.hear(question, self._seconds)
            return read(voice)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        if self._running:
            self._running.end()
            self._running = None


class Voice:
    """One process: what it was asked, and what of its answer was not taken yet."""

    def __init__(self, args: Sequence[str], env: Mapping[str, str] | None, fence: Fence, before: Sequence[str]) -> None:
        ours, theirs = os.pipe()[::-1]
        self._words: int = ours
        try:
            with os.fdopen(theirs, "rb") as stdin:
                self._process = start(args, stdin, env=env, timeout=LIFETIME, fence=fence, before=before)
        except BaseException:
            os.close(ours)
            raise
        if self._process.stdout is None or self._process.stderr is None:
            raise AssertionError
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        os.set_blocking(ours, False)
        self._args = args
        self._most = fence.output_bytes
        self._born = time.monotonic()
        self._asked = 0
        self._is_over = False
        self._is_muttering = True
        self._unsaid = self._said = b""
        self._heard = bytearray()
        self._length = 0
        self._until = 0.0

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def is_old(self) -> bool:
        return self._asked >= MOST_QUESTIONS or time.monotonic() - self._born > LIFETIME / 2

    def hear(self, question: bytes, seconds: float) -> None:
        if self._heard or self._unsaid:
            raise AssertionError  # the answer to another question would be taken for the one to this
        self._asked += 1
        self._unsaid = question
        self._length = 0
        self._until = time.monotonic() + seconds

    def until(self, end: bytes) -> bytes:
        """What comes before `end`, which is taken as well."""
        looked = 0
        while (place := self._heard.find(end, looked)) < 0:
            looked = max(0, len(self._heard) - len(end) + 1)
            self._listen()
        return self._taken(place, len(end))

    def take(self, size: int) -> bytes:
        while len(self._heard) < size:
            self._listen()
        return self._taken(size, 0)

    def _taken(self, size: int, more: int) -> bytes:
        found = bytes(self._heard[:size])
        del self._heard[: size + more]
        return found

    def _listen(self) -> None:
        """Wait for the next piece of the answer; meanwhile say what is left of the question."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._failed(timed_out=True)
        ready = self._ready(left)
        if self._words in ready:
            self._say()
        if self._err in ready:
            self._hear_aside()
        if self._out in ready:
            self._hear_out()

    def _ready(self, seconds: float) -> set[int]:
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        if self._is_muttering:
            poll.register(self._err, select.POLLIN)
        if self._unsaid:
            poll.register(self._words, select.POLLOUT)
        return {ready for ready, _ in poll.poll(seconds * 1000)}

    def _say(self) -> None:
        try:
            self._unsaid = self._unsaid[os.write(self._words, self._unsaid[:CHUNK]) :]
        except BrokenPipeError:  # it is gone; the end of what it says will tell
            self._unsaid = b""

    def _hear_aside(self) -> None:
        chunk = os.read(self._err, KIB)
        self._is_muttering = bool(chunk)
        self._said = (self._said + chunk)[-MAX_WORDS:]

    def _hear_out(self) -> None:
        chunk = os.read(self._out, CHUNK)
        if not chunk:
            self._wait_for_its_code()
            raise self._failed()
        self._heard += chunk
        self._length += len(chunk)
        if self._length > self._most:
            raise self._failed(said_too_much=True)

    def _failed(self, *, timed_out: bool = False, said_too_much: bool = False) -> GitFailed:
        code = self.end()
        failure = GitFailed(self._args, code, b"", self._said.decode("utf-8", "replace"))
        failure.timed_out, failure.said_too_much = timed_out, said_too_much
        return failure

    def end(self) -> int:
        """The code that it ended with; it is not waited for."""
        if not self._is_over:
            self._is_over = True
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._read_last_words()
            os.close(self._words)
            for stream in (self._process.stdout, self._process.stderr):
                if stream:
                    stream.close()
        return int(self._process.returncode)

    def _wait_for_its_code(self) -> None:
        for _ in range(100):
            if self._process.poll() is not None:
                break
            time.sleep(0.01)

    def _read_last_words(self) -> None:
        os.set_blocking(self._err, False)
        with suppress(BlockingIOError):
            self._said = (self._said + os.read(self._err, MAX_WORDS))[-MAX_WORDS:]
