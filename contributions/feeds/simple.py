"""The package index that pip installs from (PEP 503, PEP 691)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from contributions.keeping import kept
from contributions.models import Artifact, Publication, Release

if TYPE_CHECKING:
    from django.http import HttpRequest

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*)-[^-]+(-[^-]+)*\.whl|(?P<source>.+)-[^-]+(\.tar\.gz|\.zip)")


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
