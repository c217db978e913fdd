"""Baseline builds: each supported release is built bare, to tell what a patch broke from what was broken."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from contributions.models import Build, Recipe, Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models.release import ReleaseQuerySet

DAILY = timedelta(days=1)  # a branch that moves is built bare no more often, but where a red build asks for it
MOST_AT_ONCE = 50  # bare builds that one look of the clock queues


def queue_baselines(releases: Sequence[Release]) -> list[Build]:
    """A bare build of each, by its component's recipe, where there is none yet; all are of one component."""
    recipe = Recipe.objects.filter(component=releases[0].component_id).first() if releases else None
    if recipe is None:
        return []
    wanting = _without(recipe).filter(pk__in=[release.pk for release in releases])
    return _made(recipe, [release for release in releases if release in set(wanting)])


def queue_missing() -> list[Build]:
    """Bare builds of supported releases that have none by the recipe of today, the newest first; some at a time."""
    queued: list[Build] = []
    for recipe in Recipe.objects.select_related("component").order_by("component"):
        left = MOST_AT_ONCE - len(queued)
        if left <= 0:
            break
        queued += _made(recipe, list(_without(recipe).newest_first()[:left]))
    return queued


def _without(recipe: Recipe) -> ReleaseQuerySet:
    """Supported releases that the recipe did not build bare; of a branch, not within the last day."""
    bare = Build.objects.bare().filter(release=OuterRef("pk"), recipe_digest=recipe.digest)
    same, fresh = bare.filter(commit=OuterRef("commit")), bare.filter(queued_at__gt=Now() - DAILY)
    supported = Release.objects.supported().filter(component=recipe.component_id).exclude(Exists(same))
    return supported.exclude(Exists(fresh), kind=Release.Kind.BRANCH)


def _made(recipe: Recipe, releases: Sequence[Release]) -> list[Build]:
    """Of two who queue the same at once the first one does."""
    rows = [
        Build(
            release=release,
            commit=release.commit,
            upstream_commit=release.commit,
            recipe=recipe.as_data(),
            recipe_digest=recipe.digest,
        )
        for release in releases
    ]
    Build.objects.bulk_create(rows, ignore_conflicts=True)
    keys = [release.pk for release in releases]
    queued = Build.objects.bare().filter(release__in=keys, recipe_digest=recipe.digest, state=Build.State.QUEUED)
    return list(queued.filter(commit=F("release__commit")).order_by("-release__position"))
