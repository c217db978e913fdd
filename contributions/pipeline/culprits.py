"""What a stack's build tells: whether it passed, was failing before, or with which patch it begins to fail.

A red stack is searched by halves: the first patches of it are built, as many as tell most, through the ordinary queue.
Each step is told by rows alone, so whoever takes it after a lost worker takes the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.models import Assembly, Build, Event, Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models.work import Work

RED = (Build.State.FAILED, Build.State.TIMED_OUT)
Verdict = Assembly.Verdict


def queue_stack_build(assembly: Assembly, depth: int, like: Build | None = None) -> Build | None:
    """The build of the first `depth` patches by the component's recipe, or by that of another build; made once.

    None when there is no recipe.
    """
    recipe = None if like else Recipe.objects.filter(component=assembly.release.component_id).first()
    if like is None and recipe is None:
        return None
    given, digest = (like.recipe, like.recipe_digest) if like else (recipe.as_data(), recipe.digest)  # type: ignore[union-attr]
    build, _ = Build.objects.get_or_create(
        assembly=assembly,
        depth=depth,
        recipe_digest=digest,
        defaults={
            "release": assembly.release,
            "commit": assembly.laid[depth - 1]["commit"],
            "upstream_commit": assembly.release_commit,
            "recipe": given,
        },
    )
    return build


def follow(build: Build) -> Sequence[Work]:
    """After a build of a stack is over: its verdict if it is known now, else the build that tells more."""
    assembly = Assembly.objects.select_for_update(of=("self",)).get(pk=build.assembly_id)
    builds = Build.objects.filter(assembly=assembly, recipe_digest=build.recipe_digest)
    whole = builds.filter(depth=assembly.height).first()
    if whole is None or not whole.is_over or whole.state == Build.State.ERRORED:
        return []
    if whole.has_passed:
        return _settle(assembly, Verdict.PASSED)
    return _search(assembly, whole)


def follow_bare(bare: Build) -> Sequence[Work]:
    """After a bare build is over: go on with the red stacks that waited to know how the release fares without them."""
    waiting = Build.objects.filter(
        assembly__isnull=False, state__in=RED, upstream_commit=bare.commit, recipe_digest=bare.recipe_digest
    )  # fmt: skip
    return [
        work for build in waiting.order_by("assembly_id", "-depth").distinct("assembly_id") for work in follow(build)
    ]


def _search(assembly: Assembly, whole: Build) -> Sequence[Work]:
    bare, made = Build.objects.get_or_create(
        revision=None,
        assembly=None,
        release=whole.release,
        commit=whole.upstream_commit,
        recipe_digest=whole.recipe_digest,
        defaults={"recipe": whole.recipe, "upstream_commit": whole.upstream_commit},
    )
    if not bare.is_over:
        return [bare] if made else []
    if bare.state in RED:
        return _settle(assembly, Verdict.WAS_FAILING)
    if not bare.has_passed:
        return []
    good, bad = _bounds(assembly, whole)
    if bad - good == 1:
        return _settle(assembly, Verdict.FAILED, assembly.laid[bad - 1]["pk"])
    step = queue_stack_build(assembly, (good + bad) // 2, like=whole)
    return [step] if step is not None and step.state == Build.State.QUEUED else []


def _bounds(assembly: Assembly, whole: Build) -> tuple[int, int]:
    """The deepest build that passes below the shallowest one that fails; 0 is the bare release."""
    told = Build.objects.filter(assembly=assembly, recipe_digest=whole.recipe_digest)
    bad = min(told.filter(state__in=RED).values_list("depth", flat=True), default=assembly.height)
    passed = told.filter(state=Build.State.PASSED, depth__lt=bad).values_list("depth", flat=True)
    return max(passed, default=0), bad


def _settle(assembly: Assembly, verdict: str, culprit: int | None = None) -> Sequence[Work]:
    with transaction.atomic():
        known = (assembly.verdict, assembly.culprit_id)
        if known != (verdict, culprit):
            Assembly.objects.filter(pk=assembly.pk).update(verdict=verdict, culprit=culprit)
            Event.objects.write(
                Event.Verb.LOCKED,
                stack=assembly.stack,
                component=assembly.stack.component,
                release=assembly.release,
                text=f"{assembly.number}: {verdict}",
            )
    return []
