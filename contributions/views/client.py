"""The command-line client, one file with the same bytes everywhere, and the schemas of what it reads."""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from contributions.keeping import kept
from contributions.locks import SCHEMA, canonical

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

VERSION = re.compile(rb'^VERSION = "([^"]+)"$', re.MULTILINE)


@functools.cache
def program() -> bytes:
    content: bytes = (settings.BASE_DIR / "client" / "patchbay.py").read_bytes()
    return content


@kept
@require_safe
def client(request: HttpRequest) -> HttpResponse:
    """How to install and use it."""
    found = VERSION.search(program())
    told = {"sha256": hashlib.sha256(program()).hexdigest(), "size": len(program())}
    site = request.build_absolute_uri("/").removesuffix("/")
    return render(request, "client.html", {**told, "version": found[1].decode() if found else "", "site": site})


@require_safe
def script(request: HttpRequest) -> HttpResponseBase:
    return _told(request, program(), "text/x-python; charset=utf-8")


@require_safe
def lock_schema(request: HttpRequest) -> HttpResponseBase:
    return _told(request, canonical(SCHEMA), "application/schema+json")


def _told(request: HttpRequest, content: bytes, kind: str) -> HttpResponseBase:
    """Text that changes with the portal alone; its SHA-256 is its ETag."""
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    response = get_conditional_response(request, etag=etag) or HttpResponse(content, content_type=kind)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "no-cache"
    return response
