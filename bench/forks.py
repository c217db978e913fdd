"""How long it takes to tell a fork apart: its patches, what upstream has of them, and commits that stand alone.

    python bench/forks.py [--files 2000] [--commits 4000] [--own 200] [--drafts]

The issue's size is `--files 10000 --commits 20000 --own 500`. Prints seconds a step, and the most memory that this
process and git took. With `--drafts` the worker drafts and receives all of it in a database as well. The floor is
git's own: a clone beside upstream's objects, and one `git log` over all of it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.histories import History, make_history
from contributions.checkout import fingerprints, forks, lifting, mirror
from contributions.checkout.lineage import Change, changes_of, files_in, read_lineage
from contributions.checkout.remainders import Remainders
from contributions.checkout.repositories import new_repository
from contributions.checkout.runner import git
from contributions.checkout.sighting import Upstream
from contributions.checkout.unmasking import logical_patches

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO = b"A Customer <customer@fork.example>"
MIB = 1 << 20


class Fork:
    """A fork of a release that fixes, picks, takes back, folds and merges, the same way each time."""

    def __init__(self, history: History, repo: Path) -> None:
        self.history, self.repo = history, new_repository(repo, borrowing=history.repo)
        self.dice = random.Random(7)
        self.release = history.releases[len(history.releases) // 2]
        self.start = git(history.repo, "rev-parse", f"refs/tags/{self.release}").decode().strip()
        self.files = dict(files_in(history.repo, self.start))
        self.names = sorted(self.files)
        self.stream: list[bytes] = []
        self.mark = 0

    def grow(self, own: int) -> str:
        """Commit `own` times; answers the tip."""
        later = git(self.history.repo, "rev-list", "--reverse", "refs/heads/main", f"^{self.start}").decode().split()
        picked = iter(changes_of(self.history.repo, self.dice.sample(later, min(len(later), own))).items())
        while self.mark < own:
            chance = self.dice.random()
            if chance < 0.25:
                self._pick(*next(picked))
            elif chance < 0.30:
                self._take_back()
            elif chance < 0.40:
                self._fold()
            else:
                self._fix()
        git(self.repo, "fast-import", "--quiet", input=b"".join(self.stream), timeout=600)
        return git(self.repo, "rev-parse", "refs/heads/main").decode().strip()

    def _pick(self, commit: str, changes: dict[bytes, Change]) -> None:
        """What upstream did later, where the files are still as upstream found them."""
        told = {path: (change.old, change.new) for path, change in changes.items()}
        if all(self.files.get(path) == old for path, (old, _) in told.items()):
            words = git(self.history.repo, "show", "-s", "--format=%B", commit)
            self._commit(words, {path: new for path, (_, new) in told.items()})

    def _fix(self) -> None:
        name = self.dice.choice(self.names)
        self._write(f"Carry fix {self.mark} of {name.decode()}\n", name)

    def _fold(self) -> None:
        name = self.dice.choice(self.names)
        self._write(f"Carry fix {self.mark} of {name.decode()}\n", name)
        self._write(f"fixup! Carry fix {self.mark - 1} of {name.decode()}\n", name)

    def _take_back(self) -> None:
        name = self.dice.choice(self.names)
        before = self.files.get(name)
        self._write(f"Try {self.mark} with {name.decode()}\n", name)
        self._commit(f'Revert "Try {self.mark - 1} with {name.decode()}"\n'.encode(), {name: before})

    def _write(self, words: str, name: bytes) -> None:
        content = b"# line %d of ours\n" % self.mark + self._content(name)
        self.stream.append(b"blob\nmark :%d\ndata %d\n%s\n" % (1_000_000 + self.mark, len(content), content))
        self._commit(words.encode(), {name: ("100644", f":{1_000_000 + self.mark}")}, {name: content})

    _contents: dict[bytes, bytes] | None = None

    def _content(self, name: bytes) -> bytes:
        known = self._contents = self._contents or {}
        entry = self.files.get(name)
        if entry and entry[1].startswith(":"):
            return known[name]
        return git(self.history.repo, "cat-file", "blob", entry[1]) if entry else b""

    def _commit(
        self, words: bytes, files: dict[bytes, tuple[str, str] | None], contents: dict[bytes, bytes] | None = None
    ) -> None:
        self.mark += 1
        self._contents = (self._contents or {}) | (contents or {})
        head = b"commit refs/heads/main\nmark :%d\ncommitter %s %d +0000\n" % (
            self.mark,
            WHO,
            1_700_000_000 + self.mark,
        )
        begin = b"from %s\n" % self.start.encode() if self.mark == 1 else b""
        self.stream.append(head + b"data %d\n%s\n" % (len(words), words) + begin)
        for path, entry in files.items():
            if entry is None:
                self.stream.append(b"D %s\n" % path)
                self.files.pop(path, None)
            else:
                self.stream.append(b"M %s %s %s\n" % (entry[0].encode(), entry[1].encode(), path))
                self.files[path] = entry
        self.stream.append(b"\n")


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what:<55}{time.perf_counter() - started:8.2f} s", flush=True)


def take_apart(folder: Path, history: History, fork: Path) -> None:
    place, into = folder / "mirror.git", folder / "fork.git"
    with timed("upstream's mirror (once a component)"):
        mirror.fetch_mirror(place, f"file://{history.repo}", allow_private=True)
    with timed("floor: one git log of upstream"):
        git(place, "log", "--all", "--format=%H%x00%s%x00%b%x00")
    started = time.perf_counter()
    with timed("pulling the fork"):
        tip = forks.fetch_fork(f"file://{fork}", "", into, alternates=place, allow_private=True)
    upstream = [seen.commit for seen in mirror.releases_in(place, ".*")]
    releases = [seen.commit for seen in mirror.releases_in(place, ".*") if seen.kind == "tag"][::-1]
    with timed("the nearest release, and the fork's own commits"):
        lineage = read_lineage(into, tip, releases, upstream)
    with timed("sorting them into patches"):
        patches = logical_patches(lineage.commits, tip, lambda own: fingerprints.diff(into, own.before, own.id))
    carried = [patch for patch in patches if patch.fate == "carried"]
    ground, newest = lifting.Ground(into, lineage.release), lifting.Ground(into, releases[0])
    with timed("laying each on the nearest release"):
        plans = [plan for patch in carried if (plan := ground.plan(patch))]
    with timed("upstream's history, read once and asked"):
        numbers = fingerprints.patch_ids_by_commit(into, [own.id for own in lineage.commits])
        index = Upstream(place, lineage.fork_point, upstream)
        index.compare(own.paths for own in lineage.commits)
        seen = [all(index.sighting(own, numbers.get(own.id, "")) for own in patch.commits) for patch in carried]
    left = [patch for patch, is_seen in zip(carried, seen, strict=True) if not is_seen]
    with timed("laying the others on the newest release"):
        there = sum(newest.has(patch) for patch in left)
    plans = [plan for plan in plans if not plan.changes_nothing]
    with timed("making commits of them"):
        lifted = ground.lift(plans)
    with timed("laying one onto the other"), Remainders(into, lineage) as whole:
        left_over = whole.rest(whole.ground() or lineage.release, lifted)
    with timed("bundling each"):
        size = sum(len(ground.bundle(one)) for one in lifted)
    took = time.perf_counter() - started
    print(f"{len(lineage.commits)} own commits, {len(patches)} patches, {sum(seen)} in upstream's history, "
          f"{there} more in the newest release; {size / MIB:.1f} MiB of bundles")  # fmt: skip
    print(f"{len(left_over.misfits)} that do not fit onto earlier ones, {len(left_over.changes)} files in no patch")
    print(f"in all {took:.1f} s, {1000 * took / len(lineage.commits):.0f} ms a commit")


def draft(folder: Path, history: History, fork: Path) -> None:
    """The same by the worker's pipeline, in a database of its own: told apart, drafted, received."""
    given = {"DJANGO_SETTINGS_MODULE": "portal.settings", "PATCHBAY_VAR": str(folder / "var")}
    os.environ |= given | {"PATCHBAY_LOG_LEVEL": "ERROR", "PATCHBAY_ALLOW_PRIVATE_UPSTREAMS": "1"}
    here = Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != here]  # a bench has the name of a library
    import django
    from django.core.management import call_command

    django.setup()
    from django.db import connection

    from bench.community import unmasking

    try:
        call_command("migrate", verbosity=0)
        unmasking.show(history.repo, fork)
        connection.close()
    finally:
        call_command("stop")


def main() -> None:
    options = argparse.ArgumentParser(description="Tell a fork apart.")
    for name, default in (("files", 2000), ("commits", 4000), ("own", 200)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--drafts", action="store_true", help="draft and receive them in a database as well")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as name:
        folder = Path(name)
        history = make_history(folder / "history.git", files=given.files, commits=given.commits)
        Fork(history, folder / "theirs.git").grow(given.own)
        take_apart(folder, history, folder / "theirs.git")
        if given.drafts:
            draft(folder, history, folder / "theirs.git")
    for who, what in ((resource.RUSAGE_SELF, "this process"), (resource.RUSAGE_CHILDREN, "the largest git")):
        print(f"most memory of {what}: {resource.getrusage(who).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
