"""Atom of every list and search, and of what is said and done about one contribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils.html import escape, format_html
from django.views.decorators.http import require_safe

from contributions.asking import gathered
from contributions.errors import Missing
from contributions.keeping import kept
from contributions.models import Build, Component, Contribution, Event, Organisation, Person, Release
from contributions.models.finding import Search
from contributions.pipeline.wording import place_of, sentence_of

from .entries import ENTRIES, Entry, answered, eyes_of, plain

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

Verb = Event.Verb
TOLD = (
    *(Verb.RECEIVED, Verb.SHARED, Verb.COMMENTED, Verb.REMARKED, Verb.ANSWERED, Verb.REPORTED, Verb.REVIEWED),
    *(Verb.APPROVED, Verb.WITHDRAWN, Verb.PUBLISHED, Verb.UNPUBLISHED, Verb.BUILT, Verb.MERGED),
)
NAMES = ("actor", "contribution__author", "contribution__component", "revision", "release__component", "build")


@require_safe
@kept
def contributions(request: HttpRequest) -> HttpResponse:
    """The list as its page narrows it, and every search; newest first, whatever the page's order."""
    question = gathered(request.GET)
    search = Search(question, eyes_of(request), order="newest")
    page = reverse("contributions")
    if question.text:
        page = f"{page}?{urlencode({'q': question.text})}"
    title = f"Search: {question.text}" if question.text else "Contributions"
    with search.in_time():
        return answered(request, title, page, _contributions(search.rows))


@require_safe
@kept
def component(request: HttpRequest, slug: str) -> HttpResponse:
    """What is shared for it, and its releases."""
    shown = Component.objects.filter(slug=slug).first()
    if shown is None:
        raise Missing("There is no such component.")
    rows = Contribution.objects.visible_to(eyes_of(request)).filter(component=shown)
    releases = [_release_entry(row) for row in shown.releases.order_by("-pk").select_related("component")[:ENTRIES]]
    return answered(request, shown.name, shown.get_absolute_url(), [*_contributions(rows), *releases])


@require_safe
@kept
def release(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    shown = _release(Q(component__slug=slug, name=name))
    rows = _on(Contribution.objects.visible_to(eyes_of(request)), shown)
    return answered(request, str(shown), shown.get_absolute_url(), _contributions(rows))


@require_safe
@kept
def person(request: HttpRequest, username: str) -> HttpResponse:
    shown = Person.objects.filter(username=username, is_active=True).first()
    if shown is None:
        raise Missing("There is no account of that name.")
    rows = Contribution.objects.visible_to(eyes_of(request)).filter(author=shown)
    return answered(request, str(shown), shown.get_absolute_url(), _contributions(rows))


@require_safe
@kept
def organisation(request: HttpRequest, slug: str) -> HttpResponse:
    shown = Organisation.objects.filter(slug=slug).first()
    if shown is None:
        raise Missing("There is no such organisation.")
    rows = Contribution.objects.visible_to(eyes_of(request)).filter(organisation=shown)
    return answered(request, shown.name, shown.get_absolute_url(), _contributions(rows))


@require_safe
@kept
def contribution(request: HttpRequest, number: int) -> HttpResponse:
    """What is said of it, and what becomes of it."""
    eyes = eyes_of(request)
    shown = Contribution.objects.visible_to(eyes).filter(pk=number).first()
    if shown is None:
        raise Missing("There is no contribution of that number, or it is still being received.")
    rows = Event.objects.filter(contribution=shown, verb__in=TOLD).visible_to(eyes)
    rows = rows.exclude(comment__removed_at__isnull=False)
    return answered(request, str(shown), shown.get_absolute_url(), _events(rows))


@require_safe
@kept
def components(request: HttpRequest) -> HttpResponse:
    rows = Component.objects.order_by("-pk")[:ENTRIES]
    entries = [_made(row.name, row, row.summary, row.created_at) for row in rows]
    return answered(request, "Components", reverse("components"), entries)


@require_safe
@kept
def organisations(request: HttpRequest) -> HttpResponse:
    rows = Organisation.objects.order_by("-pk")[:ENTRIES]
    entries = [_made(row.name, row, row.about, row.created_at) for row in rows]
    return answered(request, "Organisations", reverse("organisations"), entries)


@require_safe
@kept
def builds(request: HttpRequest) -> HttpResponse:
    """Those that are over, of what everybody may see."""
    rows = Build.objects.known_to(eyes_of(request)).exclude(finished_at=None)
    rows = rows.select_related("revision", "assembly__stack", "release__component")
    rows = rows.defer("assembly__asked", "assembly__order", "assembly__pairs")
    rows = rows.defer("recipe", "revision__files", "revision__commits", "revision__fingerprints").order_by("-pk")[
        :ENTRIES
    ]
    entries = [_made(f"{row}: {row.get_state_display()}", row, row.sentence, row.finished_at) for row in rows]
    return answered(request, "Builds", reverse("builds"), entries)


@require_safe
@kept
def audit(request: HttpRequest) -> HttpResponse:
    """The history as everybody may read it."""
    rows = Event.objects.visible_to(eyes_of(request)).select_related("actor", "contribution", "component")
    entries = []
    for row in rows.newest_first()[:ENTRIES]:
        what = f"#{row.contribution_id}" if row.contribution_id else row.component or ""
        title = f"{row.actor or 'The portal'} {row.get_verb_display()} {what}".strip()
        entries.append(
            Entry(title, reverse("audit"), escape(row.text), _name(row.actor), row.at, row.at, f"event-{row.pk}")
        )
    return answered(request, "Audit", reverse("audit"), entries)


def _release(which: Q) -> Release:
    found = Release.objects.select_related("component").filter(which).first()
    if found is None:
        raise Missing("There is no such release.")
    return found


def _on(rows: QuerySet[Contribution], release: Release) -> QuerySet[Contribution]:
    """Those judged on it; made for it, once it is retired."""
    return rows.filter(standings__release=release) if release.is_supported else rows.filter(release=release)


def _contributions(rows: QuerySet[Contribution]) -> list[Entry]:
    named = rows.select_related("component", "author", "release", "current")
    return [
        _contribution(row)
        for row in named.defer("current__files", "current__commits", "current__fingerprints").order_by("-pk")[:ENTRIES]
    ]


def _contribution(row: Contribution) -> Entry:
    """It is updated by each revision that was received."""
    updated = (row.current.finished_at if row.current else None) or row.created_at
    made_for = f", made for {row.release.name}" if row.release else ""
    facts = f"{row.get_kind_display()} of {row.component.name}{made_for}, {row.get_state_display().lower()}"
    html = format_html("<p>{}</p>", plain(f"{facts}, {row.current.label}" if row.current else facts))
    words = (row.component.slug, row.kind, row.state)
    return Entry(
        row.title,
        row.get_absolute_url(),
        html + row.description_html,
        _name(row.author),
        row.created_at,
        updated,
        "",
        words,
    )


def _release_entry(row: Release) -> Entry:
    return _made(f"Release {row}", row, "", row.released_at or row.created_at)


def _made(title: str, row: Any, words: str, at: Any) -> Entry:
    return Entry(title, row.get_absolute_url(), escape(plain(words)), "", at, at)


def _events(rows: QuerySet[Event]) -> list[Entry]:
    named = rows.select_related(*NAMES, "comment").defer(
        "revision__files", "revision__commits", "revision__fingerprints", "build__recipe"
    )
    return [_event(row) for row in named.order_by("-pk")[:ENTRIES]]


def _event(row: Event) -> Entry:
    said, updated = row.comment, row.at
    if said is not None:
        updated = said.edited_at or row.at
    title = f"{sentence_of(row)}: {row.contribution.title if row.contribution else ''}"
    author = _name(row.actor or (row.contribution.author if row.contribution and row.verb == Verb.RECEIVED else None))
    return Entry(title, place_of(row), said.html if said else "", author, row.at, updated, f"event-{row.pk}")


def _name(person: Person | None) -> str:
    return str(person) if person else ""
