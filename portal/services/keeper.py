"""The process that tidies up when a running site is killed: it waits for its parent's end and ends what is left.

Its standard input is a pipe from the site: `+N` and `-N` tell of process groups, `done` of an orderly end. It shares
the site's lock, so that no other site starts before the tidying is over.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from portal.services.children import kill_group
from portal.services.gitd import GitDaemon
from portal.services.postgres import Postgres
from portal.services.valkey import Valkey

PATIENCE_SECONDS = 6
NOTHING = 0  # the signal that is only sent to see whether it could be


def main(var: Path, services: str) -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        word = line.strip()
        if word == "done":
            return
        (groups.add if word[0] == "+" else groups.discard)(int(word[1:]))
    _end(groups)
    if "git" in services:
        GitDaemon(var, repositories=var).stop()  # which repositories it served does not matter any more
    if "broker" in services:
        Valkey(var).stop()
    if "database" in services:
        Postgres(var).stop()


def _end(groups: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    left = {group for group in groups if kill_group(group, signal.SIGTERM)}
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = {group for group in left if kill_group(group, NOTHING)}
    for group in left:
        kill_group(group, signal.SIGKILL)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with its parent, not before
    main(Path(sys.argv[1]), sys.argv[2])
