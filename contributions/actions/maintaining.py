"""What staff and maintainers keep: components, their releases, and the pull from upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max

from contributions.checkout import addresses
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Component, Event, Release, UpstreamFetch
from contributions.pipeline.fetching import pin
from contributions.pipeline.fitting import queue_fits_of
from contributions.tasks import ring

if TYPE_CHECKING:
    from contributions.models import Person


def add_component(*, slug: str, name: str, upstream_url: str, **more: Any) -> Component:
    """Make a component and queue the first pull of its upstream. Raises Invalid with the first thing that is wrong."""
    addresses.check_url(upstream_url, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    component = Component(slug=slug, name=name, upstream_url=upstream_url, **more)
    try:
        component.full_clean()
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        raise Invalid(f"{field}: {sentences[0]}", field=field) from None
    with transaction.atomic():
        component.save()
        fetch_upstream(component=component)
    return component


def fetch_upstream(*, component: Component, actor: Person | None = None) -> UpstreamFetch:
    """Queue a pull; one that waits already serves as well."""
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
    return _move(person, release, Release.State.RETIRED)


def support(*, person: Person, release: Release) -> Release:
    """Judge and build on a release again; what came meanwhile is queued."""
    with transaction.atomic():
        _move(person, release, Release.State.SUPPORTED)
        ring(*queue_fits_of(release))
    return release


def _move(person: Person, release: Release, to: str) -> Release:
    if not release.may_be_retired_by(person):
        raise NotAllowed("Only maintainers and staff decide which releases are supported.")
    return release.move(to)
