"""What a cell of the matrix costs: a batch of patches met with releases, next to the floors, measured in the same run.

    python bench/fits.py [--files 2000] [--commits 4000] [--releases 10] [--patches 100] [--shared 100] [--full]
                         [--repo FOLDER.git]

Without --repo a history is made here; --full makes one of 10,000 files and 20,000 commits. --repo takes a real one
whose tags are releases. Half of the patches are commits that upstream took, half change the same lines to something
else. Last, --shared of them (--full: 1,000) are contributions in a database: all releases but one are pulled and
judged, then a new one appears. Every figure is of one process of ours on one core: it waits while git works.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.histories import make_history
from contributions.checkout.annals import Annals
from contributions.checkout.bench import Bench
from contributions.checkout.fitting import Cell, Patch, judge_many
from contributions.checkout.merging import Merger
from contributions.checkout.mirror import version_order
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SINGLE, MAILED = 60, 15  # cells of which the dearer floors are taken
AIM = 25.0  # milliseconds a cell
NOBODY = "Bench <bench@example.invalid> 1700000000 +0000"


@dataclass
class Ground:
    repo: Path
    releases: list[str]
    patches: list[Patch]

    @property
    def cells(self) -> list[Cell]:
        return [Cell(patch, release) for patch in self.patches for release in self.releases]


def tags_of(repo: Path, most: int) -> list[str]:
    """Evenly chosen tags, oldest version first."""
    tags = sorted(git(repo, "tag", "--list").decode().split(), key=version_order)
    return tags[:: max(1, len(tags) // most)][-most:]


def releases_of(repo: Path, tags: Sequence[str]) -> list[str]:
    return [git(repo, "rev-parse", f"{tag}^{{commit}}").decode().strip() for tag in tags]


def cut(repo: Path, releases: Sequence[str], count: int) -> list[Patch]:
    """In turn: a commit that upstream made between the first and the last release, and one that disagrees with it."""
    dice = random.Random(7)
    command = ("rev-list", "--no-merges", "--reverse", f"{releases[0]}..{releases[-1]}")
    made = git(repo, *command).decode().split()
    patches = []
    with Bench(repo) as bench:
        for number, taken in enumerate(dice.sample(made, min(count, len(made)))):
            base = git(repo, "rev-parse", f"{taken}^").decode().strip()
            patches.append(Patch(base, taken if number % 2 else disagree(bench, base, taken)))
        bench.adopt()
    return patches


def disagree(bench: Bench, base: str, taken: str) -> str:
    """The same commit with other words on the lines that it adds."""
    change = git(bench.repo, "diff-tree", "-p", "--full-index", "--binary", base, taken)
    other = [line + b"  # ours" if line[:1] == b"+" and line[:3] != b"+++" else line for line in change.split(b"\n")]
    bench.git("read-tree", base)
    try:
        bench.git("apply", "--cached", "--whitespace=nowarn", "-", stdin=b"\n".join(other))
    except Exception:  # noqa: BLE001 - a binary file, a moved one: upstream's own commit serves as well
        return taken
    tree = bench.git("write-tree").decode().strip()
    told = f"tree {tree}\nparent {base}\nauthor {NOBODY}\ncommitter {NOBODY}\n\nSee it otherwise\n"
    return bench.write("commit", told.encode())


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


# the floors


def merge_all(ground: Ground) -> float:
    """Milliseconds a merge, by one `git merge-tree --stdin`."""
    with Bench(ground.repo) as bench, Merger(bench) as merger:
        cells = ground.cells
        return (
            timed(lambda: [merger.merge(each.patch.base, each.patch.tip, each.release) for each in cells])
            * 1000
            / len(cells)
        )


def merge_singly(ground: Ground) -> float:
    """The same, by a process a merge."""
    cells = ground.cells[:: max(1, len(ground.cells) // SINGLE)]

    def merge() -> None:
        for each in cells:
            with Bench(ground.repo) as bench, Merger(bench) as merger:
                merger.merge(each.patch.base, each.patch.tip, each.release)

    return timed(merge) * 1000 / len(cells)


def mail_all(ground: Ground, folder: Path) -> float:
    """Milliseconds of a `git am --3way` in a work tree that is checked out already."""
    took = []
    tree = folder / "am"
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    env |= {"GIT_COMMITTER_NAME": "Bench", "GIT_COMMITTER_EMAIL": "bench@example.invalid"}

    def run(*words: str, content: bytes = b"") -> bytes:
        command = ["git", "-C", str(tree), *words]
        return subprocess.run(command, input=content, capture_output=True, check=False, env=env).stdout

    tree.mkdir()
    run("clone", "-q", "--shared", "--no-checkout", str(ground.repo), ".")
    for each in ground.cells[:: max(1, len(ground.cells) // MAILED)]:
        mail = git(ground.repo, "format-patch", "-1", "--stdout", "--full-index", "--binary", each.patch.tip)
        run("checkout", "-q", "-f", each.release)
        took.append(timed(lambda mail=mail: run("am", "-q", "--3way", content=mail)))  # type: ignore[misc]
        run("am", "--abort")
    return statistics.mean(took) * 1000


# ours


def judge_all(ground: Ground) -> tuple[float, dict[str, list[float]]]:
    """Seconds in all, and milliseconds by kind of verdict."""
    took: dict[str, list[float]] = defaultdict(list)
    begun = last = time.perf_counter()
    for verdict in judge_many(ground.repo, ground.cells):
        now = time.perf_counter()
        took[f"{verdict.kind} {verdict.way or verdict.evidence}"].append((now - last) * 1000)
        last = now
    return time.perf_counter() - begun, took


def read_history(ground: Ground) -> None:
    annals = Annals(ground.repo)
    seconds = timed(lambda: annals.cover(ground.releases))
    size = (ground.repo / "annals").stat().st_size / 1e6
    again = timed(lambda: Annals(ground.repo).cover(ground.releases))
    told = f"{len(annals.commits):,} commits read once in {seconds:.1f} s ({size:.1f} MB)"
    print(f"fits: history of {told}; by the next process in {again:.2f} s")


def show(ground: Ground, folder: Path) -> None:
    read_history(ground)
    count = len(ground.cells)
    for what in ("cold", "warm"):
        seconds, took = judge_all(ground)
        each = seconds * 1000 / count
        print(f"fits: {count:,} cells in one batch, {what} {each:9.1f} ms a cell   {count / seconds:.0f} a second")
    for what, floor in (
        ("merge-tree --stdin", merge_all(ground)),
        ("a process a merge", merge_singly(ground)),
        ("git am --3way", mail_all(ground, folder)),
    ):
        print(f"fits: floor {what:<20} {floor:11.1f} ms a cell   ours is {each / floor:.2f} of it")
    for kind, values in sorted(took.items()):
        worst = sorted(values)[int(len(values) * 0.95)]
        print(f"fits: {kind:28} {len(values):5}   median {statistics.median(values):6.1f} ms   p95 {worst:6.1f} ms")
    print(f"fits: {'within' if each <= AIM else 'BEYOND'} the aim of {AIM:.0f} ms a cell")


# contributions


def show_shared(repo: Path, tags: Sequence[str], patches: Sequence[Patch], folder: Path) -> None:
    """In a database of its own."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != here]  # a bench has the name of a library
    given = {"DJANGO_SETTINGS_MODULE": "portal.settings", "PATCHBAY_VAR": str(folder), "PATCHBAY_LOG_LEVEL": "ERROR"}
    os.environ |= given | {"PATCHBAY_ALLOW_PRIVATE_UPSTREAMS": "1"}
    import django
    from django.core.management import call_command

    django.setup()
    from django.db import connection

    from bench.community import pulling

    try:
        call_command("migrate", verbosity=0)
        pulling.show(repo, tags, patches)
        connection.close()
    finally:
        call_command("stop")


def main() -> None:
    options = argparse.ArgumentParser(description="Time the judging of patches on releases.")
    for name, default in (("files", 2000), ("commits", 4000), ("releases", 10), ("patches", 100), ("shared", 100)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--full", action="store_true")
    options.add_argument("--repo", type=Path)
    given = options.parse_args()
    if given.full:
        given.files, given.commits, given.shared = 10_000, 20_000, 1000
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as folder:
        repo = Path(folder, "history.git")
        if given.repo:
            shutil.copytree(given.repo, repo)
        else:
            make_history(repo, files=given.files, commits=given.commits, releases=given.releases)
        tags = tags_of(repo, given.releases)
        releases = releases_of(repo, tags)
        show(Ground(repo, releases, cut(repo, releases, given.patches)), Path(folder))
        show_shared(repo, tags, cut(repo, releases[:-1], given.shared), Path(folder, "var"))


if __name__ == "__main__":
    main()
