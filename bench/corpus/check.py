"""Holds the portal's fits against facts: real patches on every release of real packages.

    python bench/corpus/check.py [--facts FOLDER]… [--corpus PROJECT] [--repos FOLDER] [--sdists FOLDER] [--quick]

Every project of the facts is judged in one batch, by the code that a worker runs. python-swiftclient (or PROJECT) goes
through a real site as well: submitted and read by REST, received and judged by the worker's calls. Ends with 1 below
98 % right classes, on any wrong tree, and on any contained patch that was called clean. See docs/corpus.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.corpus.scoring import Answer, Score, Truth, read_truths
from contributions.checkout.deltas import Author, cut_deltas
from contributions.checkout.fitting import Cell, Patch, judge_many
from contributions.checkout.repositories import has_commit
from contributions.checkout.runner import GitFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
QUICK_ONE = "python-swiftclient"
AUTHOR = Author("Ann Customer", "ann@customer.example")  # as the facts were made
# All that a repository is made of counts for its commit ids, also versions that no fact is about.
VERSIONS = {
    "python-swiftclient": "3.6.0 3.10.1 3.13.1 4.0.1 4.3.0 4.5.0 4.7.0 4.9.0 4.10.0",
    "swift": "2.31.0 2.33.0 2.34.0 2.35.0 2.35.4 2.36.0 2.36.3 2.37.0 2.37.3 2.38.0 2.38.1",
    "oslo.utils": "7.0.0 7.3.0 8.2.0 9.1.0 10.0.0 10.1.1",
}


@dataclass(frozen=True)
class Subject:
    """A patch of the facts: the release that it was cut from is known of a delta only."""

    commit: str
    parent: str
    stratum: str

    @property
    def releases(self) -> tuple[str, str]:
        kind, _, pair = self.stratum.partition(":")
        older, _, newer = pair.partition(":") if kind == "delta" else ("", "", "")
        return older, newer


@dataclass(frozen=True)
class Facts:
    project: str
    subjects: dict[str, Subject]
    truths: list[Truth]

    @property
    def versions(self) -> list[str]:
        if self.project in VERSIONS:
            return VERSIONS[self.project].split()
        named = {truth.tag for truth in self.truths}
        named |= {version for subject in self.subjects.values() for version in subject.releases if version}
        return sorted(named, key=lambda version: [int(part) for part in version.split(".") if part.isdigit()])


def read_facts(folders: Iterable[Path], only: str) -> list[Facts]:
    """Each pair X.commits.jsonl and X.verdicts.jsonl of the folders, for one project or all."""
    found = []
    for commits in (path for folder in folders for path in sorted(folder.glob("*.commits.jsonl"))):
        rows = [json.loads(line) for line in commits.read_text().splitlines() if line]
        project = rows[0]["project"]
        if only in {"", project}:
            subjects = {row["commit"]: Subject(row["commit"], row["parent"], row["stratum"]) for row in rows}
            truths = read_truths(commits.with_name(commits.name.replace(".commits.", ".verdicts.")))
            found.append(Facts(project, subjects, [truth for truth in truths if truth.commit in subjects]))
    return found


def repository_of(facts: Facts, options: argparse.Namespace) -> Path:
    """A copy of the one that is given, or the one that is made of source releases, with the patches of the facts."""
    repo = Path(options.work, f"{facts.project}.git")
    if not repo.exists():
        given = Path(options.repos or "", f"{facts.project}.git")
        if options.repos and given.exists():
            shutil.copytree(given, repo)
        else:
            _import(facts, repo, options.sdists)
    if not all(has_commit(repo, commit) for commit in facts.subjects):
        _cut(facts, repo)
    missing = [commit for commit in facts.subjects if not has_commit(repo, commit)]
    missing += [truth.tag for truth in facts.truths if not has_commit(repo, truth.release_commit)]
    if missing:
        raise SystemExit(f"{repo} has no {', '.join(sorted(set(missing))[:5])}: it is not what the facts are about.")
    return repo


def _import(facts: Facts, repo: Path, sdists: Path) -> None:
    command = [sys.executable, "manage.py", "import_sdists", facts.project, str(repo), *facts.versions]
    subprocess.run([*command, "--sdists", str(sdists)], cwd=ROOT, check=True)


def _cut(facts: Facts, repo: Path) -> None:
    pairs = dict.fromkeys(subject.releases for subject in facts.subjects.values() if subject.releases[0])
    for older, newer in pairs:
        most = sum(subject.releases == (older, newer) for subject in facts.subjects.values())
        try:
            cut_deltas(repo, facts.project, older, newer, author=AUTHOR, most=most)
        except GitFailed as failure:
            raise SystemExit(f"{facts.project} {older}:{newer} could not be cut: {failure}") from failure


def judged_at_once(facts: Facts, repo: Path) -> tuple[Score, float]:
    """The score, and milliseconds a cell."""
    truths = sorted(facts.truths, key=lambda truth: (truth.commit, truth.tag))
    cells = [Cell(Patch(facts.subjects[each.commit].parent, each.commit), each.release_commit) for each in truths]
    score, begun = Score(), time.perf_counter()
    for truth, verdict in zip(truths, judge_many(repo, cells), strict=True):
        score.add(truth, Answer(verdict.kind, verdict.tree, verdict.files))
    return score, (time.perf_counter() - begun) * 1000 / max(1, len(cells))


def through_the_site(facts: Facts, repo: Path) -> Score:
    """The same cells, from a submission by REST to the fits that REST tells."""
    from bench.corpus.real_site import Site

    with Site(facts.project, repo) as site:
        numbers = {
            subject.commit: site.submit(subject.commit, subject.releases[0]) for subject in facts.subjects.values()
        }
        site.work()
        answers = {commit: site.fits(number) for commit, number in numbers.items()}
    score = Score()
    for truth in facts.truths:
        score.add(truth, answers[truth.commit].get(truth.tag, Answer("missing", "", ())))
    return score


def show(what: str, score: Score) -> bool:
    print(f"== {what}")
    for line in score.lines():
        print(line)
    return score.is_good


def main() -> None:
    options = argparse.ArgumentParser(description="Hold fits against facts.")
    options.add_argument("--facts", type=Path, action="append", default=[], help="a folder of further facts")
    options.add_argument("--corpus", default="", metavar="PROJECT", help="this project alone")
    options.add_argument("--repos", type=Path, help="a folder of PROJECT.git with real histories")
    options.add_argument("--sdists", type=Path, default=ROOT / "var" / "sdists", help="where archives are kept")
    options.add_argument("--quick", action="store_true", help="without the site")
    given = options.parse_args()
    found = read_facts([HERE, *given.facts], given.corpus)
    if not found:
        raise SystemExit(f"There are no facts about {given.corpus or 'anything'}.")
    given.sdists = given.sdists.resolve()
    place = Path(tempfile.mkdtemp(prefix="patchbay-corpus-"))
    given.work = place
    os.environ |= {"PATCHBAY_VAR": str(place / "var"), "PATCHBAY_ALLOW_PRIVATE_UPSTREAMS": "1"}
    os.environ |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "PATCHBAY_DATABASE_DURABLE": "0"}
    try:
        good = check(found, given)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    sys.exit(0 if good else 1)


def check(found: Sequence[Facts], options: argparse.Namespace) -> bool:
    good = True
    for facts in found:
        repo = repository_of(facts, options)
        score, each = judged_at_once(facts, repo)
        good &= show(f"{facts.project}: {score.cells} cells at once, {each:.1f} ms a cell", score)
        if not options.quick and facts.project == (options.corpus or QUICK_ONE):
            good &= show(f"{facts.project}: through the site", through_the_site(facts, repo))
    return good


if __name__ == "__main__":
    main()
