"""What the builds of a stack tell, in a sentence: that it passes, or with which patch it begins to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from .build import Build

if TYPE_CHECKING:
    from .stack import Assembly

RED = (Build.State.FAILED, Build.State.TIMED_OUT)


def finding_of(assembly: Assembly) -> str:
    """Empty while no build of it is over."""
    verdict = type(assembly).Verdict
    if assembly.verdict == verdict.PASSED:
        return "It builds and passes."
    if assembly.verdict == verdict.WAS_FAILING:
        return f"It fails, and so does {assembly.release.name} without it: it was failing before."
    if assembly.verdict == verdict.FAILED and assembly.culprit is not None:
        return _named(assembly)
    builds = list(assembly.builds.filter(state__in=[*RED, Build.State.PASSED]).values_list("depth", flat=True))
    if assembly.height not in builds:
        return ""
    stopped = stopped_by(assembly)
    if stopped is not None:
        part = f" of the first {stopped.depth}" if stopped.assembly_id else " of the bare release"
        which = f"build {stopped.pk}{part} went wrong on our side."
        return f"It fails; the search for the patch with which it begins to fail stopped: {which}"
    more = f" {len(builds) - 1} of its parts were built so far." if len(builds) > 1 else ""
    return f"It fails; the patch with which it begins to fail is looked for.{more}"


def stopped_by(assembly: Assembly) -> Build | None:
    """The build that errored, so that the search for the culprit of a red stack waits for it."""
    whole = assembly.builds.filter(depth=assembly.height, state__in=RED).order_by("-pk").first()
    if whole is None or assembly.verdict:
        return None
    bare = Q(revision=None, assembly=None, release=whole.release_id, commit=whole.upstream_commit)
    steps = Build.objects.filter(Q(assembly=assembly) | bare, recipe_digest=whole.recipe_digest)
    return steps.filter(state=Build.State.ERRORED).order_by("-pk").first()


def _named(assembly: Assembly) -> str:
    culprit = assembly.culprit
    if culprit is None:
        raise AssertionError
    depth = next(place for place, entry in enumerate(assembly.laid, 1) if entry["pk"] == culprit.pk)
    first = assembly.builds.filter(depth=depth, state__in=RED).order_by("-pk").first()
    where = _where(first)
    told = f"It begins to fail with {culprit}{f': {where}' if where else ''}."
    return f"{told} {_company(assembly, first, depth)}".strip()


def _where(build: Any) -> str:
    if build is None:
        return ""
    return str(build.failed_test or (f"in {build.failed_step}" if build.failed_step else build.get_state_display()))


def _company(assembly: Assembly, red: Any, depth: int) -> str:
    """Whether it fails alone, as far as the portal has tried that already."""
    if depth == 1:
        return "It fails alone."
    if red is None:
        return ""
    alone = Build.objects.originals().filter(
        revision=assembly.culprit, release=assembly.release, upstream_commit=assembly.release_commit,
        recipe_digest=red.recipe_digest,
    )  # fmt: skip
    states = set(alone.values_list("state", flat=True))
    if Build.State.PASSED in states:
        return "Alone it passes, so it fails together with one of those before it."
    return "It fails alone, too." if states & set(RED) else ""
