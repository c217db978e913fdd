"""What programs read that are not written for us: the Atom feed, and the package index that pip installs from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.feedgenerator import Atom1Feed, Enclosure
from django.views.decorators.http import condition, require_safe

from contributions.keeping import kept
from contributions.markup import reveal
from contributions.models import Advisory, Artifact, Event, Publication, Release
from contributions.models.build import repetitions_of, uploads_of

if TYPE_CHECKING:
    from django.http import HttpRequest

ENTRIES = 50
WORDS: dict[str, str] = {
    Event.Verb.PUBLISHED: "Published",
    Event.Verb.UNPUBLISHED: "Withdrawn",
    Event.Verb.HELD: "Held back",
    Event.Verb.FREED: "Given back",
    Event.Verb.ADVISED: "Advisory",
    Event.Verb.UNADVISED: "Advisory withdrawn",
}
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*)-[^-]+(-[^-]+)*\.whl|(?P<source>.+)-[^-]+(\.tar\.gz|\.zip)")
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def _newest(request: HttpRequest) -> str:
    """The feed changes when an event is added, hidden or shown again."""
    return f'"{Event.objects.of_the_feed().mark()}-{Event.objects.newest_likeness().first()}-{request.get_host()}"'


@require_safe
@kept
@condition(etag_func=_newest)
def atom(request: HttpRequest) -> HttpResponse:
    """The newest publications and withdrawals."""
    site = request.build_absolute_uri("/")
    feed = Atom1Feed(
        title="Approved builds",
        link=site,
        description="What was approved and built, and what was withdrawn.",
        feed_url=request.build_absolute_uri(),
        subtitle="What was approved and built, and what was withdrawn.",
    )
    events = Event.objects.of_the_feed().newest_first().select_related(
        "publication__release__component", "publication__build", "publication__revision__contribution__author",
        "publication__revision__contribution__organisation",
        "advisory__component", "advisory__author",
    )  # fmt: skip
    events = events.defer(
        "publication__revision__files", "publication__revision__commits", "publication__revision__fingerprints"
    )
    events = events.prefetch_related(
        "publication__build__artifacts__blob",
        uploads_of("publication__revision__"),
        repetitions_of("publication__build__"),
    )
    for event in events[:ENTRIES]:
        if event.publication is not None:
            feed.add_item(**_entry(request, event, event.publication))
        elif event.advisory is not None:
            feed.add_item(**_advised(request, event, event.advisory))
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


@require_safe
def advisories(request: HttpRequest) -> HttpResponse:
    """The newest security advisories, those that were withdrawn among them."""
    feed = Atom1Feed(
        title="Security advisories",
        link=request.build_absolute_uri(reverse("advisories")),
        description="What turned out to be harmful, and what mends it.",
        feed_url=request.build_absolute_uri(),
    )
    for advisory in Advisory.objects.select_related("component", "author").newest_first()[:ENTRIES]:
        link = request.build_absolute_uri(advisory.get_absolute_url())
        withdrawn = f" Withdrawn: {advisory.reason}" if advisory.withdrawn_at else ""
        feed.add_item(
            title=_xml(f"{'Withdrawn: ' if withdrawn else ''}{advisory}"),
            link=link,
            unique_id=link,
            description=_xml(f"{advisory.get_severity_display()} severity.{withdrawn} {advisory.description}"),
            author_name=_xml(str(advisory.author)),
            pubdate=advisory.published_at,
            updateddate=advisory.withdrawn_at or advisory.published_at,
            categories=[advisory.component.slug, advisory.severity],
        )
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


def _advised(request: HttpRequest, event: Event, advisory: Advisory) -> dict[str, Any]:
    link = request.build_absolute_uri(advisory.get_absolute_url())
    word = WORDS[event.verb]
    return {
        "title": _xml(f"{word}: {advisory}"),
        "link": link,
        "unique_id": f"{link}#event-{event.pk}",
        "description": _xml(f"{advisory.get_severity_display()} severity. {event.text}"),
        "author_name": _xml(str(advisory.author)),
        "pubdate": event.at,
        "updateddate": event.at,
        "categories": [advisory.component.slug, advisory.severity, word.lower()],
    }


def _entry(request: HttpRequest, event: Event, publication: Publication) -> dict[str, Any]:
    contribution = publication.revision.contribution
    link = request.build_absolute_uri(publication.get_absolute_url())
    is_news, word = event.verb in {Event.Verb.PUBLISHED, Event.Verb.FREED}, WORDS[event.verb]
    title = "In quarantine" if contribution.is_quarantined else contribution.title
    text = f"{publication.revision.label} of #{contribution.pk} by {contribution.author} for {publication.release}."
    text += f" {publication.origin[:1].upper()}{publication.origin[1:]}{_likeness(publication)}."
    files = publication.artifacts if is_news else []
    return {
        "title": _xml(f"{word}: {title} ({publication.release})"),
        "link": link,
        "unique_id": f"{link}#event-{event.pk}",
        "description": _xml(text if is_news else f"{text} Reason: {event.text}"),
        "author_name": _xml(str(contribution.author)),
        "pubdate": event.at,
        "updateddate": event.at,
        "categories": [publication.release.component.slug, publication.release.slug, word.lower()],
        "enclosures": [
            Enclosure(request.build_absolute_uri(file.get_absolute_url()), str(file.size), "application/octet-stream")
            for file in files
        ],
    }


def _likeness(publication: Publication) -> str:
    told = publication.build.is_reproducible if publication.build else None
    return "" if told is None else ", and reproducible" if told else ", and not reproducible"


def _xml(text: str) -> str:
    return NOT_XML.sub("", reveal(text))


@dataclass(frozen=True)
class File:
    """One file that pip may choose, or may not choose any more: then `yanked` says why."""

    name: str
    project: str
    sha256: str
    size: int
    url: str
    uploaded: str
    yanked: str


def normalised(name: str) -> str:
    """The one spelling of a project's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def project_of(filename: str) -> str:
    """The normalised project that a wheel or source archive belongs to; empty for any other file."""
    found = PACKAGE.fullmatch(filename)
    return normalised(found["name"] or found["source"]) if found else ""


def _files(release: Release) -> list[File]:
    """All packages published for the release; of two of one name the one published last, live before withdrawn."""
    rows = (
        Publication.objects.visible_to(AnonymousUser()).filter(release=release).order_by("state", "-pk")
    )  # "live" sorts before "withdrawn"
    rows = rows.select_related("build", "revision").defer(
        "revision__files", "revision__commits", "revision__fingerprints", "build__recipe"
    )
    found: dict[str, File] = {}
    for publication in rows.prefetch_related("build__artifacts__blob", "revision__artifacts__blob"):
        for artifact in publication.artifacts:
            name = artifact.name.rpartition("/")[2]
            if project_of(name):
                found.setdefault(name, _file(publication, artifact, name))
    return sorted(found.values(), key=lambda file: file.name)


def _file(publication: Publication, artifact: Artifact, name: str) -> File:
    return File(
        name=name,
        project=project_of(name),
        sha256=artifact.sha256,
        size=artifact.size,
        url=artifact.get_absolute_url(),
        uploaded=publication.published_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        yanked="" if publication.is_live else publication.reason,
    )


@require_safe
@kept
def simple_index(request: HttpRequest, slug: str) -> HttpResponse:
    release = get_object_or_404(Release, slug=slug)
    names = sorted({file.project for file in _files(release)})
    data = {"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]}
    return _answer(request, data, "simple/index.html", {"release": release, "names": names})


@require_safe
@kept
def simple_project(request: HttpRequest, slug: str, project: str) -> HttpResponse:
    release = get_object_or_404(Release, slug=slug)
    if project != normalised(project):
        return HttpResponsePermanentRedirect(reverse("simple-project", args=[slug, normalised(project)]))
    files = [file for file in _files(release) if file.project == project]
    if not files:
        return HttpResponse("There is no such project in this index.\n", status=404, content_type="text/plain")
    data = {
        "meta": {"api-version": "1.1"},
        "name": project,
        "versions": sorted({_version_of(file.name) for file in files}),
        "files": [_as_data(request, file) for file in files],
    }
    return _answer(request, data, "simple/project.html", {"release": release, "project": project, "files": files})


def _version_of(filename: str) -> str:
    if filename.endswith(".whl"):
        return filename.split("-")[1]
    return filename.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")[2]


def _as_data(request: HttpRequest, file: File) -> dict[str, Any]:
    """A file as the JSON form of the index tells it (PEP 691 and PEP 700)."""
    return {
        "filename": file.name,
        "url": request.build_absolute_uri(file.url),
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        "upload-time": file.uploaded,
        "yanked": file.yanked or False,
    }


def _answer(request: HttpRequest, data: dict[str, Any], template: str, context: dict[str, Any]) -> HttpResponse:
    """HTML or JSON, as the client would rather have it."""
    response: HttpResponse
    best = request.get_preferred_type(["text/html", JSON_TYPE, HTML_TYPE])
    if best == JSON_TYPE:
        response = JsonResponse(data, content_type=JSON_TYPE)
    else:
        response = render(request, template, context, content_type=f"{best or 'text/html'}; charset=utf-8")
    patch_vary_headers(response, ["Accept"])
    return response
