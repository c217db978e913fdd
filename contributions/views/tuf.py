"""The signed index of the feed, as clients of The Update Framework fetch it; and the page that tells people of it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from contributions.models import IndexFile, Publication, Release
from contributions.models.index import TOP_ROLES, targets_of
from contributions.signing import roots

from .files import served
from .paging import page

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from contributions.models import Artifact

FOR_EVER = "public, max-age=31536000, immutable"
ASKED_ANEW = ("root", "timestamp")  # the files that are also had without naming a version
TARGET = re.compile(
    r"(?P<place>[^/]+/[^/]+/c(?P<contribution>\d{1,18})-v(?P<revision>\d{1,9}))/(?P<sha256>[0-9a-f]{64})\.(?P<name>[^/]+)"
)


@require_safe
def metadata(request: HttpRequest, role: str, version: str | None = None) -> HttpResponseBase:
    """A signed file, from its row: no page, no session."""
    if version is not None:
        file = IndexFile.objects.served().filter(role=role, version=int(version)).first()
    else:
        file = IndexFile.objects.newest(role) if role in ASKED_ANEW else None
    if file is None:
        return _plain("There is no such file of the index.", 404)
    content = bytes(file.content)
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag)
    response = response or HttpResponse(content, content_type="application/json")
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = FOR_EVER if version else "no-cache"
    return response


@require_safe
def target(request: HttpRequest, path: str) -> HttpResponseBase:
    """What a client downloads once the index has told it the digest."""
    found = _found(path)
    if found is None:
        return _plain("There is no such target.", 404)
    publication, artifact = found
    if not publication.is_live:
        link = request.build_absolute_uri(artifact.get_absolute_url())
        return _plain(f"Withdrawn: {publication.reason}\nWho needs these bytes all the same finds them at {link}", 410)
    return served(request, artifact.blob, artifact.name.rpartition("/")[2], public=True)


def _found(path: str) -> tuple[Publication, Artifact] | None:
    asked = TARGET.fullmatch(path)
    if asked is None:
        return None
    rows = Publication.objects.visible_to(AnonymousUser()).filter(
        revision__contribution_id=int(asked["contribution"]), revision__number=int(asked["revision"])
    )
    rows = rows.select_related("release__component", "revision", "build").defer(
        "revision__files", "revision__commits", "revision__fingerprints"
    )
    for publication in rows.prefetch_related("build__artifacts__blob", "revision__artifacts__blob"):
        artifact = targets_of(publication).get(f"{asked['place']}/{asked['name']}")
        if artifact is not None and artifact.sha256 == asked["sha256"]:
            return publication, artifact
    return None


def _plain(sentence: str, status: int) -> HttpResponse:
    headers = {"Cache-Control": "no-cache"}  # what is not there yet may come
    response = HttpResponse(f"{sentence}\n", status=status, headers=headers, content_type="text/plain; charset=utf-8")
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - clients ask for the next root each time
    return response


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What the index is, what to trust first, and how long each part of it is good for."""
    root = IndexFile.objects.newest("root")
    newest = {file.role: file for file in IndexFile.objects.newest_of_each().filter(role__in=TOP_ROLES)}
    context = {
        "root": roots.facts_of(bytes(root.content)) if root else None,
        "files": [newest[role] for role in TOP_ROLES if role in newest],
        "releases": page(request, _signed_releases(), ("-pk",)),
        "site": request.build_absolute_uri("/").removesuffix("/"),
        "example": _example(),
    }
    return render(request, "tuf.html", context)


def _signed_releases() -> QuerySet[Release]:
    files = IndexFile.objects.served().filter(role=OuterRef("slug")).order_by("-version")
    told = {name: Subquery(files.values(name)[:1]) for name in ("version", "made_at", "expires_at")}
    return Release.objects.filter(Exists(files)).annotate(**told).select_related("component")


def _example() -> str:
    """The path of something that can be installed; none as long as there is nothing."""
    rows = Publication.objects.live().order_by("-pk").select_related("release__component", "revision", "build")
    rows = rows.defer("revision__files", "revision__commits", "revision__fingerprints")
    found = rows.prefetch_related("build__artifacts__blob", "revision__artifacts__blob").first()
    return next(iter(targets_of(found)), "") if found else ""
