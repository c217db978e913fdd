"""A component whose patches wait for a new release: what the pull that finds it costs, and judging what it queued."""

from __future__ import annotations

import re
import resource
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contributions.checkout.annals import Annals
from contributions.checkout.fitting import Cell, Patch, judge_many
from contributions.checkout.runner import git
from contributions.models import (
    Blob,
    Component,
    Contribution,
    Fit,
    Person,
    Recipe,
    Revision,
    UpstreamFetch,
)
from contributions.pipeline import fitting
from contributions.pipeline.fetching import fetch
from contributions.pipeline.places import fetch_mirror_of, mirror_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SOME = 300  # cells that are judged again without the database, evenly chosen
COUNTS = re.compile(r"([\d,]+) to judge, ([\d,]+) unaffected\.")


@dataclass
class Pulled:
    """What one pull and the judging after it took."""

    queueing: Spent
    queued: int
    unaffected: int
    judging: Spent

    @property
    def a_cell(self) -> float:
        """Milliseconds of judging one."""
        return self.judging.seconds * 1000 / max(self.queued, 1)


@dataclass
class Spent:
    """Seconds on the clock, and of the processor: ours and git's, without the database's."""

    seconds: float
    processor: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.processor:.1f} s of processor)"


def spent(work: Callable[[], object]) -> Spent:
    begun, before = time.perf_counter(), processor()
    work()
    return Spent(time.perf_counter() - begun, processor() - before)


def timed(work: Callable[[], object]) -> float:
    return spent(work).seconds


def processor() -> float:
    """Of this process and of those that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def show(repo: Path, names: Sequence[str], patches: Sequence[Patch]) -> None:
    """`names` are the tags that become releases, the new one last; `patches` are commits of the repository."""
    component = followed(repo, names[:-1])
    pull(component)
    share(component, repo, patches)
    told("all releases", pulled(component), len(patches) * (len(names) - 1))
    floor_of(component)
    component.release_pattern = pattern_of(names)
    component.save()
    new = pulled(component)
    told("a new release", new, len(patches))
    spared, worked = (each * 1000 / max(new.unaffected, 1) for each in (new.queueing.seconds, new.queueing.processor))
    share_of_it = f"{spared / new.a_cell:.2f} of judging it" if new.queued else "nothing was judged"
    some = f"{new.unaffected:,} of {len(patches):,}"
    print(f"fits: sparing {some}: {spared:.1f} ms each ({worked:.1f} ms of processor), {share_of_it}")
    kinds = Counter(Fit.objects.order_by().values_list("state", flat=True))
    print(f"fits: in the database {', '.join(f'{count:,} {kind}' for kind, count in sorted(kinds.items()))}")
    check(component, len(patches) * len(names))


def told(what: str, done: Pulled, cells: int) -> None:
    print(
        f"fits: {what}: {cells:,} cells queued in {done.queueing}, {done.queued:,} to judge, {done.unaffected:,} "
        f"unaffected; judged in {done.judging}, {done.a_cell:.1f} ms a cell, "
        f"{done.queued / max(done.judging.seconds, 0.001):.0f} a second"
    )


def floor_of(component: Component) -> None:
    """The same cells without rows, refs and lines of history, some of them, by one batch and warm on either side."""
    rows = Fit.objects.filter(revision__contribution__component=component).order_by("revision", "pk")
    chosen = list(rows.select_related("revision")[:: max(1, rows.count() // SOME)])
    cells = [Cell(Patch(row.revision.base_commit, row.revision.tip_commit), row.release_commit) for row in chosen]
    bare = timed(lambda: list(judge_many(mirror_of(component), cells))) * 1000 / len(cells)
    Fit.objects.filter(pk__in=[row.pk for row in chosen]).update(state="queued", attempts=0)
    ours = timed(judge_waiting) * 1000 / len(cells)
    print(f"fits: {len(cells):,} judged again {ours:.1f} ms a cell by the pipeline, floor judge_many {bare:.1f} ms, "
          f"{ours / bare:.2f} of it")  # fmt: skip


def check(component: Component, cells: int) -> None:
    """A bench of what went wrong would tell nothing."""
    done = Fit.objects.filter(revision__contribution__component=component).exclude(state__in=["queued", "running"])
    if done.exclude(state="errored").count() != cells:
        raise SystemExit(f"Only {done.count():,} of {cells:,} cells were judged.")


# what a community would have brought


def pattern_of(names: Sequence[str]) -> str:
    return "|".join(re.escape(name) for name in names)


def followed(repo: Path, names: Sequence[str]) -> Component:
    component = Component.objects.create(
        slug="bench",
        name="Bench",
        upstream_url=f"file://{repo}",
        release_pattern=pattern_of(names),
        candidate_pattern="",
    )
    Recipe.objects.create(component=component, build="true")
    return component


def share(component: Component, repo: Path, patches: Sequence[Patch]) -> None:
    """A contribution of each, received: its commits are in the mirror, where a worker had put them."""
    author = Person.objects.create_user("bench", email="bench@example.invalid", password=None)
    kept = Blob.objects.keep_bytes(b"The mirror has the commits, so that nobody reads this bundle.")
    facts = facts_of(repo, patches)
    given: dict[str, Any] = {"component": component, "kind": "refinement", "author": author}
    made = Contribution.objects.bulk_create(Contribution(title=fact["commit"]["subject"], **given) for fact in facts)
    revisions = Revision.objects.bulk_create(
        Revision(
            contribution=contribution, number=1, source="bundle", state="received", submitted_by=author, bundle=kept,
            base_commit=patch.base, tip_commit=patch.tip, files=fact["files"],
            commits=[fact["commit"]],
        )
        for contribution, patch, fact in zip(made, patches, facts, strict=True)
    )  # fmt: skip
    for contribution, revision in zip(made, revisions, strict=True):
        contribution.current = revision
    Contribution.objects.bulk_update(made, ["current"], batch_size=500)
    bring(repo, mirror_of(component), revisions)


def bring(repo: Path, mirror: Path, revisions: Sequence[Revision]) -> None:
    refs = "".join(f"update refs/bench/{revision.pk} {revision.tip_commit}\n" for revision in revisions)
    git(repo, "update-ref", "--stdin", input=refs.encode())
    packed = git(repo, "pack-objects", "--revs", "--stdout", "-q", input=wanted(repo), timeout=600)
    git(mirror, "unpack-objects", "-q", input=packed, timeout=600)
    git(mirror, "update-ref", "--stdin", input=refs.replace("refs/bench/", "refs/revisions/").encode())


def wanted(repo: Path) -> bytes:
    """The patches' own commits, without what upstream has."""
    theirs = git(repo, "for-each-ref", "--format=^%(objectname)", "refs/heads", "refs/tags")
    return git(repo, "for-each-ref", "--format=%(objectname)", "refs/bench") + theirs


def facts_of(repo: Path, patches: Sequence[Patch]) -> list[dict[str, Any]]:
    annals = Annals(repo)
    annals.cover(patch.tip for patch in patches)
    return [fact_of(annals, patch) for patch in patches]


def fact_of(annals: Annals, patch: Patch) -> dict[str, Any]:
    commit = annals.named(patch.tip)
    if commit is None:
        raise AssertionError
    paths = annals.paths_of(commit)
    there = set(git(annals.repo, "ls-tree", "-r", "--name-only", "-z", patch.base, "--", *paths).decode().split("\0"))
    files = [
        {"path": path, "old_path": path if path in there else "", "status": "modified", "added": 1, "removed": 1}
        for path in paths
    ]
    body = "".join(f"Change-Id: {name}\n" for name in commit.change_ids)
    told = {"sha": patch.tip, "subject": commit.subject, "body": body, "author": commit.author, "authored_at": ""}
    return {"commit": told, "files": files}


# what is timed


def pull(component: Component) -> str:
    row = UpstreamFetch.objects.create(component=component)
    fetch(row.pk)
    row.refresh_from_db()
    if row.state != "done":
        raise SystemExit(f"The pull ended as {row.state}: {row.sentence}")
    return row.sentence


def pulled(component: Component) -> Pulled:
    """The mirror is brought up to date before, so that it is our own work that is timed."""
    fetch_mirror_of(component)
    said: list[str] = []
    queueing = spent(lambda: said.append(pull(component)))
    found = COUNTS.search(said[0])
    queued, unaffected = (int(word.replace(",", "")) for word in found.groups()) if found else (0, 0)
    return Pulled(queueing, queued, unaffected, spent(judge_waiting))


def judge_waiting() -> None:
    """As one worker does, bell by bell; what failed at its first attempt is left."""
    waiting = Fit.objects.filter(state="queued", attempts=0).order_by("-release__position", "pk")
    while (pk := waiting.values_list("pk", flat=True).first()) is not None:
        fitting.fit(pk)
