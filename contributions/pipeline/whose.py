"""Whose files a patch changes that has nothing to do with the component that it was shared for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from contributions.checkout.repositories import paths_in
from contributions.checkout.runner import GitFailed
from contributions.models import Component, Release

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MOST = 200  # components that are looked into
REMEMBERED = 8  # releases whose paths a worker keeps; the question is rare


def whose_paths(component: Component) -> Callable[[Sequence[str]], str]:
    """Asks the newest release of every other component whose mirror is here; answers a component's name, or nothing."""

    def whose(paths: Sequence[str]) -> str:
        found = {each.name: _shared(each, paths) for each in Component.objects.exclude(pk=component.pk)[:MOST]}
        name = max(found, key=lambda each: found[each], default="")
        return name if name and found[name] else ""

    return whose


def _shared(component: Component, paths: Sequence[str]) -> int:
    """How many of the paths its newest supported release has."""
    mirror = settings.MIRRORS_DIR / f"{component.slug}.git"
    release = Release.objects.supported().filter(component=component).newest_first().first()
    if release is None or not mirror.exists():
        return 0
    try:
        return len(_paths(mirror, release.commit).intersection(paths))
    except GitFailed:
        return 0


@lru_cache(REMEMBERED)
def _paths(mirror: Path, commit: str) -> frozenset[str]:
    return paths_in(mirror, commit)
