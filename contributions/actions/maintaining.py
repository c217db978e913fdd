"""What staff and maintainers keep: components, their releases, and the pull from upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max

from contributions import sandbox
from contributions.checkout import addresses
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Component, Event, Recipe, Release, UpstreamFetch
from contributions.pipeline.fetching import pin
from contributions.pipeline.queueing import queue_fits_of
from contributions.tasks import ring

from .pacing import pace
from .ruling import write_down

if TYPE_CHECKING:
    from django.db.models import Model

    from contributions.models import Person


def add_component(*, slug: str, name: str, upstream_url: str, **more: Any) -> Component:
    """Make a component and queue the first pull of its upstream. Raises Invalid with the first thing that is wrong."""
    addresses.check_url(upstream_url, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    component = Component(slug=slug, name=name, upstream_url=upstream_url, **more)
    _refuse_invalid(component)
    with transaction.atomic():
        component.save()
        fetch_upstream(component=component)
    return component


def set_recipe(*, component: Component, recipe: dict[str, Any]) -> Recipe:
    """Give the component this recipe instead of the one it has; builds that ran keep the recipe that they ran by."""
    known = (*Recipe.SCRIPTS, *Recipe.LIMITS)
    if strangers := sorted(set(recipe) - set(known)):
        raise Invalid(f"A recipe has no {strangers[0]}; it has {', '.join(known)}.", field=strangers[0])
    made = Recipe(component=component, **recipe)
    with transaction.atomic():
        Recipe.objects.filter(component=component).delete()
        _refuse_invalid(made)
        _refuse_unrunnable(made)
        made.save()
    return made


def _refuse_invalid(row: Model) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        raise Invalid(f"{field}: {sentences[0]}", field=field) from None


def _refuse_unrunnable(recipe: Recipe) -> None:
    """Ask the sandbox room whether it would take such a job at all."""
    if not all(isinstance(value, str) for value in recipe.environment.values()):
        raise Invalid("The values of the environment are texts.", field="environment")
    sandbox.Job(
        steps=(sandbox.Step("build", recipe.build),),
        environment=recipe.environment,
        artifact_patterns=tuple(recipe.artifact_patterns),
    )


def fetch_upstream(*, component: Component, actor: Person | None = None) -> UpstreamFetch:
    """Queue a pull; one that waits already serves as well. `actor` is who asked, None the portal itself."""
    if actor is not None:
        if not component.may_be_kept_by(actor):
            raise NotAllowed("Only maintainers and staff have a component pulled from upstream.")
        pace(actor, Event.Verb.FETCHED)
    with transaction.atomic():
        fetch, made = UpstreamFetch.objects.get_or_create(component=component, state=UpstreamFetch.State.QUEUED)
        if made and actor is not None:
            Event.objects.write(Event.Verb.FETCHED, actor=actor, component=component, text="asked for")
        ring(fetch)
    return fetch


def add_release(*, component: Component, name: str, ref: str, kind: str = Release.Kind.TAG) -> Release:
    """Make a release of a tag or branch that the mirror holds; fits are queued for it."""
    commit, released_at = pin(component, kind, ref)
    last = component.releases.aggregate(last=Max("position"))["last"] or 0
    try:
        with transaction.atomic():
            release = Release.objects.create(
                component=component,
                name=name,
                slug=Release.slug_of(component, name),
                kind=kind,
                ref=ref,
                commit=commit,
                position=last + 1,
                released_at=released_at,
            )
            Event.objects.write(Event.Verb.RELEASED, component=component, release=release)
            ring(*queue_fits_of(release))
    except IntegrityError:
        raise Clash(f"{component.name} has a release {name} already.", field="name") from None
    return release


def retire(*, person: Person, release: Release) -> Release:
    """Stop judging and building on a release."""
    with transaction.atomic():
        return _move(person, release, Release.State.RETIRED)


def support(*, person: Person, release: Release) -> Release:
    """Judge and build on a release again; what came meanwhile is queued."""
    with transaction.atomic():
        _move(person, release, Release.State.SUPPORTED)
        ring(*queue_fits_of(release))
    return release


def _move(person: Person, release: Release, to: str) -> Release:
    """Whether its release is supported decides where a contribution must have a green build, so it is written down."""
    if not release.component.may_be_kept_by(person):
        raise NotAllowed("Only maintainers and staff decide which releases are supported.")
    pace(person, Event.Verb.RULED)
    release.move(to)
    write_down(release.component, f"{release.name} is {to}.", actor=person, release=release)
    return release
