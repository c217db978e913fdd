"""What is sworn about builds, as downloads; the keys that it is signed with; and what it all means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.models import Attestation, Blob, SigningKey
from contributions.models.build import of_known
from contributions.signing.keys import BUILDS

from .files import file, is_known, served
from .paging import page

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from contributions.models import Person

NOT_SIGNED = "This build's provenance is not signed, or not yet; its page tells more."
MOST_COUNTED = 1000  # unsigned ones; the page says "or more"
SIDES = {"provenance": "provenance.json", "bill": "bom.json"}


def _signed_for(person: Person | AnonymousUser) -> QuerySet[Attestation]:
    """What is signed about the builds that this person may know of."""
    signed: QuerySet[Attestation] = Attestation.objects.filter(of_known(person, "build__"), state="signed")
    return signed.select_related("provenance", "bill")


def _is_for_all(sworn: Attestation) -> bool:
    return _signed_for(AnonymousUser()).filter(pk=sworn.pk).exists()


@require_safe
def of_build(request: HttpRequest, number: int, side: str) -> HttpResponseBase:
    """The envelope or the bill of one build. Another comes in its place only when a key was revoked."""
    sworn = _signed_for(request.user).filter(build=number).first()
    if sworn is None:
        raise Missing(NOT_SIGNED)
    return _sent(request, getattr(sworn, side), f"build-{number}.{SIDES[side]}", public=_is_for_all(sworn))


@require_safe
def beside_file(request: HttpRequest, sha256: str, name: str, side: str) -> HttpResponseBase:
    """The same by the artifact's own address; of several builds that made the same bytes, the newest one's."""
    blob = Blob.objects.filter(pk=sha256).first()
    if blob is None or not is_known(blob, name, request.user):
        return file(request, sha256, f"{name}.{SIDES[side]}")  # an artifact may be called like that
    sworn = _signed_for(request.user).filter(build__artifacts__blob=blob).order_by("-build_id").first()
    if sworn is None:
        raise Missing("This file was not built here, or its provenance is not signed yet.")
    return _sent(request, getattr(sworn, side), f"{name}.{SIDES[side]}", public=_is_for_all(sworn))


def _sent(request: HttpRequest, blob: Blob, name: str, *, public: bool) -> HttpResponseBase:
    response = served(request, blob, name, public=public)
    response.headers["Cache-Control"] = f"{'public' if public else 'private'}, no-cache"
    return response


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    shown = page(request, SigningKey.objects.all(), ("-pk",))
    waiting = Attestation.objects.unsigned().order_by("-pk")[:MOST_COUNTED].count()
    return render(request, "keys.html", {"page": shown, "waiting": waiting, "most": MOST_COUNTED})


@require_safe
def key(request: HttpRequest, keyid: str) -> HttpResponse:
    """The public key in PEM form, below lines that tell what became of it."""
    del request
    found = SigningKey.objects.filter(keyid=keyid).order_by("role").first()
    if found is None:
        raise Missing("This portal has no key of that id.")
    return HttpResponse(
        found.public.as_file(), content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


@require_safe
def how_builds_are_signed(request: HttpRequest) -> HttpResponse:
    current = SigningKey.objects.of_role(BUILDS).trusted().filter(retired_at=None).first()
    return render(request, "how_builds_are_signed.html", {"key": current})
