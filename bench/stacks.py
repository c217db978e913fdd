"""How long it takes to look at patches that are carried together: all pairs of 200, and a stack of 30 that is checked.

    python bench/stacks.py [--patches 200] [--stack 30] [--files 10000] [--commits 20000]

The floor of a pair is one `git merge-tree --write-tree` of its own process; the repository is bench/histories.py's.
Every second patch changes one of a few files that others change too.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from histories import make_history

from contributions.checkout.runner import git
from contributions.checkout.stacking import Part, lay, look
from contributions.solving import order_of

SHARED = 4  # files that many patches change
FLOOR = 40  # merges that are timed with a process each


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--patches", type=int, default=200)
    asked.add_argument("--stack", type=int, default=30)
    asked.add_argument("--files", type=int, default=10_000)
    asked.add_argument("--commits", type=int, default=20_000)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        history = make_history(Path(folder) / "bench.git", files=given.files, commits=given.commits)
        repo, release = history.repo, history.releases[-1]
        commit = git(repo, "rev-parse", f"{release}^{{commit}}").decode().strip()
        parts = make_parts(repo, commit, given.patches)
        floor = floor_of(repo, parts)
        print(f"floor: {floor * 1000:.1f} ms a merge with a process each")
        told = timed_pairs(repo, commit, parts)
        print(told)
        print(timed_stack(repo, commit, parts[: given.stack]))


def make_parts(repo: Path, release: str, count: int) -> list[Part]:
    """Patches of one line each on the release; odd ones change a file of a few, at a line of their own."""
    dice = random.Random(5)
    listed = git(repo, "ls-tree", "-r", "--name-only", release).decode().split()
    shared, others = listed[:SHARED], listed[SHARED:]
    stream: list[bytes] = []
    for number in range(count):
        path = shared[number % SHARED] if number % 2 else dice.choice(others)
        lines = git(repo, "cat-file", "blob", f"{release}:{path}").splitlines(keepends=True)
        place = (number * 7) % len(lines)
        lines[place] = b"patched_by_%d = %d\n" % (number, place)
        content = b"".join(lines)
        stream.append(
            b"commit refs/heads/bench%d\ncommitter A <a@customer.example> %d +0000\ndata 6\nPatch\n"
            b"from %s\nM 100644 inline %s\ndata %d\n%s\n"
            % (number, 1_700_000_000 + number, release.encode(), path.encode(), len(content), content)
        )
    git(repo, "fast-import", "--quiet", "--force", input=b"".join(stream), timeout=300)
    tips = git(repo, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads/bench*").decode()
    found = dict(line.split() for line in tips.splitlines())
    return [Part(number + 1, release, found[f"bench{number}"], (found[f"bench{number}"],)) for number in range(count)]


def floor_of(repo: Path, parts: list[Part]) -> float:
    """Seconds of one bare merge, each in a process of its own."""
    began = time.perf_counter()
    for one, two in pairwise(parts[: FLOOR + 1]):
        command = ["git", "--git-dir", str(repo), "merge-tree", "--write-tree", one.tip, two.tip]
        subprocess.run(command, check=False, capture_output=True)
    return (time.perf_counter() - began) / min(FLOOR, len(parts) - 1)


def timed_pairs(repo: Path, release: str, parts: list[Part]) -> str:
    began = time.perf_counter()
    survey = look(repo, release, parts)
    took = time.perf_counter() - began
    every = len(parts) * (len(parts) - 1) // 2
    kinds = {meeting: sum(pair.meeting == meeting for pair in survey.pairs) for meeting in ("fine", "conflict")}
    a_pair = took / max(len(survey.pairs), 1) * 1000
    return (
        f"{len(parts)} patches: {len(survey.pairs)} of {every} pairs share a file {kinds}; "
        f"{took:.2f} s in all, {a_pair:.1f} ms a pair that is merged (aim: under 60 s)"
    )


def timed_stack(repo: Path, release: str, parts: list[Part]) -> str:
    began = time.perf_counter()
    survey = look(repo, release, parts)
    looked = time.perf_counter() - began
    stacked = lay(repo, survey, order_of([part.number for part in parts], {}, survey.hints))
    took = time.perf_counter() - began
    whole = "whole" if stacked.is_whole else "with conflicts"
    return (
        f"stack of {len(parts)}, {whole}: looked at in {looked:.2f} s, laid after {took:.2f} s in all (aim: under 2 s)"
    )


if __name__ == "__main__":
    main()
