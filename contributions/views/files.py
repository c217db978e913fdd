"""Stored bytes by their digest: always as a download, never as a page of this site."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import FileResponse, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.models import Artifact, Blob, Build, Contribution, Download, Publication, Revision
from contributions.models.repute import warning_about

from .contribution import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from contributions.models import Person

GUARD = "default-src 'none'; sandbox; frame-ancestors 'none'"
ALLOWED_ENDINGS = (".patch", ".diff", ".mbox", ".bundle")
RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
CHUNK = 1 << 16
# Caches of many ask again after a minute, so that what staff put in quarantine is soon in nobody's reach.
FOR_ALL = "public, max-age=31536000, s-maxage=60, immutable"
HAVE_IT = {200, 206, 304}  # statuses after which the one who asked has the bytes
FOR_ONE = "private, max-age=31536000, immutable"


def is_known(blob: Blob, name: str, person: Person | AnonymousUser) -> bool:
    """The file is something that this person may see, and `name` is a name that it has."""
    if Publication.objects.of_bytes(blob).held_back_from(person).exists():
        return False
    visible = Contribution.objects.visible_to(person)
    artifacts = Artifact.objects.visible_to(person).filter(blob=blob)
    if any(known.rpartition("/")[2] == name for known in artifacts.values_list("name", flat=True)):
        return True
    part = _raw_for(person) & Q(raw=blob) | Q(mbox=blob) | Q(diff=blob) | Q(bundle=blob)
    named = Q() if name.endswith(ALLOWED_ENDINGS) else Q(filename=name)
    if Revision.objects.filter(part, named, contribution__in=visible).exists():
        return True
    builds = Build.objects.known_to(person)
    if name.endswith(".txt") and builds.filter(difference=blob).exists():
        return True
    return name.endswith(".log") and builds.filter(log=blob).exists()


def _raw_for(person: Person | AnonymousUser) -> Q:
    """What was sent is its sender's and the staff's alone until it was looked into and taken."""
    received = Q(state=Revision.State.RECEIVED)
    if not person.is_authenticated:
        return received
    return Q() if person.is_staff else received | Q(contribution__author=person)


@require_safe
def file(request: HttpRequest, sha256: str, name: str) -> HttpResponseBase:
    blob = Blob.objects.filter(pk=sha256).first()
    if blob is None or not is_known(blob, name, request.user):
        raise Missing("There is no such file.")
    is_public = not request.user.is_authenticated or is_known(blob, name, AnonymousUser())
    return _warned(served(request, blob, name, public=is_public), warning_about(blob))


def _warned(response: HttpResponseBase, sentence: str) -> HttpResponseBase:
    """Bytes that were taken back are served to those who pinned them, with the reason, which no cache may hide."""
    if sentence:
        plain = " ".join(sentence.encode("ascii", "replace").decode().replace('"', "'").split())
        response.headers["Warning"] = f'299 - "{plain[:300]}"'
        response.headers["Cache-Control"] = "no-cache"
    return response


def served(request: HttpRequest, blob: Blob, name: str, *, public: bool, text: bool = False) -> HttpResponseBase:
    """The blob, or the part that a `Range` asks for; `text` shows a patch in the browser, as plain text."""
    etag = f'"{blob.sha256}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag, response=None)
    if response is None:
        span = _span(request, blob.size, etag)
        response = _whole(blob, name, text=text) if span is None else _part(blob, span, name)
    if request.method == "GET" and response.status_code in HAVE_IT and not name.endswith(".log"):
        Download.objects.note(request.user, blob)
    response.headers["ETag"] = etag
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = FOR_ALL if public else FOR_ONE
    response.headers["Content-Security-Policy"] = GUARD
    return response


def _whole(blob: Blob, name: str, *, text: bool) -> HttpResponseBase:
    kind = "text/plain; charset=utf-8" if text else "application/octet-stream"
    response = FileResponse(blob.open(), as_attachment=not text, filename=name, content_type=kind)
    response.headers["Content-Length"] = str(blob.size)
    return response


def _part(blob: Blob, span: tuple[int, int], name: str) -> HttpResponseBase:
    start, end = span
    if start >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{blob.size}"})
    content = blob.open()
    content.seek(start)
    response = FileResponse(
        _limited(content, end - start), as_attachment=True, filename=name, content_type="application/octet-stream"
    )
    response.status_code = 206
    response.headers["Content-Length"] = str(end - start)
    response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size}"
    return response


def _limited(content: IO[bytes], left: int) -> Iterator[bytes]:
    with content:
        while left and (chunk := content.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _span(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """The half-open part that one `Range` names (RFC 9110, 14); None for the whole, an empty one if it lies beyond."""
    found = RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = found.groups()
    if first:
        return int(first), min(int(last) + 1 if last else size, size)
    return (max(size - int(last), 0), size) if last and int(last) else (size, size)


@require_safe
def revision_patch(request: HttpRequest, number: int, revision: int) -> HttpResponseBase:
    """The mail series of a revision, as `git am` takes it; the same bytes for ever."""
    contribution = find(request, number)
    found = contribution.revisions.select_related("mbox").filter(number=revision).first()
    if found is None or found.mbox is None:
        raise Missing("There is no such revision, or it holds no patch.")
    return served(request, found.mbox, f"{number}-v{revision}.patch", public=contribution.is_public, text=True)
