"""How long it takes to judge a patch on a release, on a component of many releases made here.

    python bench/fits.py [--files 1000] [--releases 8] [--patches 10]

Prints the median and the 95th percentile in milliseconds for each kind of verdict.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from contributions.checkout.fitting import Patch, judge
from contributions.checkout.repositories import new_repository
from contributions.checkout.runner import git

LINES = 200
CHANGES = 30  # commits between two releases


class Component:
    """A repository of `files` files that changes at random, the same way each time."""

    def __init__(self, repo: Path, files: int) -> None:
        self.repo = repo
        self.dice = random.Random(2)
        self.files = {
            f"part{n % 20}/file{n}.py": [f"value_{n}_{line} = 0\n" for line in range(LINES)] for n in range(files)
        }
        self.stream: list[bytes] = []
        self.time = 1_700_000_000

    def commit(self, names: list[str], branch: str, title: str, start: str = "") -> None:
        self.time += 60
        who = f"committer A Contributor <contributor@upstream.example> {self.time} +0000\n"
        message = f"{title}\n".encode()
        self.stream.append(f"commit refs/heads/{branch}\n{who}data {len(message)}\n".encode() + message)
        if start:
            self.stream.append(f"from {start}\n".encode())
        for name in names:
            content = "".join(self.files[name]).encode()
            self.stream.append(f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n")

    def change(self) -> str:
        name = self.dice.choice(list(self.files))
        line = self.dice.randrange(LINES)
        self.files[name][line] = f"value_{line} = {self.dice.random()}\n"
        return name

    def release(self, number: int) -> None:
        for _ in range(CHANGES):
            self.commit([self.change()], "main", f"Change number {self.time} of this component")
        self.stream.append(f"reset refs/heads/release-{number}\nfrom refs/heads/main\n\n".encode())

    def tip(self, branch: str) -> str:
        return git(self.repo, "rev-parse", f"refs/heads/{branch}").decode().strip()


def make(repo: Path, files: int, releases: int) -> Component:
    component = Component(new_repository(repo), files)
    component.commit(list(component.files), "main", "Begin")
    for number in range(releases):
        component.release(number)
    git(repo, "fast-import", "--quiet", input=b"".join(component.stream), timeout=600)
    return component


def cut(component: Component, releases: int, count: int) -> list[Patch]:
    """In turn: a patch that upstream took, and one that changes the same line to something else."""
    patches = []
    for number in range(count):
        step = number % (releases - 1)
        between = f"{component.tip(f'release-{step}')}..{component.tip(f'release-{step + 1}')}"
        taken = git(component.repo, "rev-list", "--reverse", between).decode().split()[number % CHANGES]
        base = git(component.repo, "rev-parse", f"{taken}^").decode().strip()
        patches.append(Patch(base, taken if number % 2 else disagree(component, base, taken, number)))
    return patches


def disagree(component: Component, base: str, taken: str, number: int) -> str:
    name = git(component.repo, "diff-tree", "-r", "--name-only", base, taken).decode().strip()
    before, after = (git(component.repo, "show", f"{commit}:{name}").decode() for commit in (base, taken))
    lines = list(zip(before.splitlines(keepends=True), after.splitlines(keepends=True), strict=True))
    component.files[name] = [old if old == new else "ours = None\n" for old, new in lines]
    component.stream = []
    component.commit([name], f"customer-{number}", "See it otherwise", start=base)
    git(component.repo, "fast-import", "--quiet", input=b"".join(component.stream))
    return component.tip(f"customer-{number}")


def main() -> None:
    options = argparse.ArgumentParser(description="Time the judging of patches on releases.")
    for name, default in (("files", 1000), ("releases", 8), ("patches", 10)):
        options.add_argument(f"--{name}", type=int, default=default)
    given = options.parse_args()
    took: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as folder:
        component = make(Path(folder, "component.git"), given.files, given.releases)
        for patch in cut(component, given.releases, given.patches):
            for number in range(given.releases):
                started = time.perf_counter()
                verdict = judge(component.repo, patch, component.tip(f"release-{number}"))
                took[verdict.kind].append((time.perf_counter() - started) * 1000)
    for kind, values in sorted(took.items()):
        ordered = sorted(values)
        worst = ordered[int(len(ordered) * 0.95)]
        print(f"{kind:18} {len(values):4} fits   median {statistics.median(values):6.1f} ms   p95 {worst:6.1f} ms")


if __name__ == "__main__":
    main()
