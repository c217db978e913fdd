"""Where the worker keeps its caches. Each may vanish: the bundles in storage are the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from contributions.checkout import mirror

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Assembly, Component, Revision


def mirror_of(component: Component) -> Path:
    """The component's bare mirror; fetched first if it vanished. Raises Refusal or Trouble as that does."""
    path: Path = settings.MIRRORS_DIR / f"{component.slug}.git"
    if not path.exists():
        fetch_mirror_of(component)
    return path


def fetch_mirror_of(component: Component) -> Path:
    path: Path = settings.MIRRORS_DIR / f"{component.slug}.git"
    mirror.fetch_mirror(path, component.upstream_url, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    return path


def mirror_with(revision: Revision) -> Path:
    """The mirror, holding the revision's commits whatever happened to the cache."""
    path = mirror_of(revision.contribution.component)
    if revision.bundle is not None:
        with revision.bundle.open() as bundle:
            mirror.ensure_bundle(path, bundle, tip=revision.tip_commit, name=str(revision.pk))
    return path


def mirror_with_stack(assembly: Assembly) -> Path:
    """The mirror, holding the commits of a stack that was laid."""
    path = mirror_of(assembly.stack.component)
    if assembly.bundle is not None:
        with assembly.bundle.open() as bundle:
            mirror.ensure_bundle(path, bundle, tip=assembly.commit, name=f"stack-{assembly.pk}")
    return path
