"""Finding things by the names that addresses and bodies use, always through the eyes of the one who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Prefetch, Q

from contributions.errors import Invalid, Missing
from contributions.models import (
    Advisory,
    Artifact,
    Build,
    Comment,
    Component,
    Contribution,
    Publication,
    Release,
    Revision,
    Stack,
)
from contributions.models.build import repetitions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from contributions.models import Person

    Eyes = Person | AnonymousUser


def contribution_seen_by(eyes: Eyes, number: int) -> Contribution:
    found = Contribution.objects.visible_to(eyes).with_names().filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no contribution #{number}, or you may not know of it.")
    return found


def revision_seen_by(eyes: Eyes, number: int, of: int) -> Revision:
    """Revision `of` of contribution `number`."""
    seen = Revision.objects.filter(contribution__in=Contribution.objects.visible_to(eyes))
    named = seen.select_related("contribution__component", "release", "submitted_by", "claims", "ports", "mbox", "diff")
    found: Revision | None = named.filter(contribution=number, number=of).first()
    if found is None:
        raise Missing(f"There is no v{of} of a contribution #{number}, or you may not know of it.")
    return found


def builds_seen_by(eyes: Eyes) -> QuerySet[Build, Build]:
    found: QuerySet[Build, Build] = Build.objects.known_to(eyes).select_related(
        "release__component", "revision", "attestation"
    )
    return found.prefetch_related(repetitions_of())


def build_seen_by(eyes: Eyes, number: int) -> Build:
    found = (
        builds_seen_by(eyes)
        .select_related("log", "attestation__key", "revision__contribution__component")
        .filter(pk=number)
        .first()
    )
    if found is None:
        raise Missing(f"There is no build {number}, or you may not know of it.")
    return found


def artifact_seen_by(eyes: Eyes, number: int) -> Artifact:
    seen = Artifact.objects.visible_to(eyes).select_related("blob", "build__revision", "revision")
    found = seen.filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no file {number}, or you may not know of it.")
    return found


def stack_seen_by(eyes: Eyes, number: int) -> Stack:
    rows = Stack.objects.visible_to(eyes).select_related("component", "release", "organisation", "author")
    found = rows.filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no stack {number}, or it is not public.")
    return found


def publications_seen_by(eyes: Eyes) -> QuerySet[Publication, Publication]:
    rows = Publication.objects.visible_to(eyes).with_names().prefetch_related(standing("revision"))
    return rows.select_related("withdrawn_by", "build__attestation")


def publication_seen_by(eyes: Eyes, number: int) -> Publication:
    found = publications_seen_by(eyes).filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no publication {number}, or you may not know of it.")
    return found


def standing(revision_at: str) -> Prefetch[str]:
    """The advisories that stand against each revision reached along `revision_at`, as `standing_advisories`."""
    return Prefetch(f"{revision_at}__advisories", Advisory.objects.standing(), to_attr="standing_advisories")


def component_named(slug: str) -> Component:
    found = Component.objects.filter(slug=slug).first()
    if found is None:
        raise Missing(f"There is no component {slug[:60]!r}.")
    return found


def component_meant(slug: str) -> Component:
    """The component that a body names; not to find it is a mistake in the body."""
    try:
        return component_named(slug)
    except Missing as missing:
        raise Invalid(missing.sentence, field="component") from None


def release_meant(component: Component, name: str | None) -> Release | None:
    """The release of the component that a body names by name or slug."""
    if not name:
        return None
    found = component.releases.filter(named(name)).first()
    if found is None:
        raise Invalid(f"{component.name} has no release {name[:60]!r}.", field="release")
    return found


def releases_meant(component: Component, names: Sequence[str]) -> list[Release]:
    """The releases of the component that a body lists by name or slug, each once."""
    found: list[Release] = []
    for name in names:
        try:
            release = release_meant(component, name)
        except Invalid as refusal:
            raise Invalid(refusal.sentence, field="holds_for") from None
        if release is not None and release not in found:
            found.append(release)
    return found


def comment_seen_by(eyes: Eyes, number: int) -> Comment:
    seen = Comment.objects.filter(contribution__in=Contribution.objects.visible_to(eyes))
    names = ("contribution__component", "author", "organisation", "revision", "parent", "accepted_by")
    found = seen.select_related(*names).defer("revision__files", "revision__commits").filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no comment {number}, or you may not know of it.")
    return found


def named(release: str, at: str = "") -> Q:
    """The condition that a release (reached along `at`) has this name or slug."""
    return Q(**{f"{at}name": release}) | Q(**{f"{at}slug": release})


def narrowed(
    rows: QuerySet[Any, Any], asked: dict[str, Any], *, release_at: str, contribution_at: str
) -> QuerySet[Any, Any]:
    """A list of builds or publications, narrowed to the asked component, release, contribution and state."""
    if "component" in asked:
        rows = rows.filter(**{f"{release_at}__component__slug": asked["component"]})
    if "release" in asked:
        rows = rows.filter(named(asked["release"], f"{release_at}__"))
    if "contribution" in asked:
        rows = rows.filter(**{contribution_at: asked["contribution"]})
    if "state" in asked:
        rows = rows.filter(state=asked["state"])
    return rows
