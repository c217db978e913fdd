"""Pages kept for those who are not signed in, for as long as nothing that they show has changed.

A kept page is told by its address and the version of the content, which every change makes another one in its own
transaction (models/content.py): a vote or a comment shows at once, and no page is ever stale. Pages tell how long ago
things were, so none is kept beyond the minute.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from contributions.models.content import content_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    View = Callable[..., HttpResponse]

MEGABYTE = 2**20
LARGEST = MEGABYTE  # bytes of one page that is kept
LONGEST_KEY = 1000  # characters of an address
WORTH_PACKING = 500  # bytes from which gzip saves something
SECONDS = 60.0
NEVER_KEPT = ("/account/", "/admin/", "/files/", "/healthz", "/readyz", "/static/", "/tuf/")  # ask for no version
VARIES = ("Cookie", "Authorization", "Accept", "Accept-Encoding", "HX-Request")
UNKEPT_HEADERS = frozenset({"set-cookie", "content-length"})


def kept(view: View) -> View:
    """Say that what the view answers depends on nothing but its address and the content, for strangers."""

    @wraps(view)
    def marked(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        response = view(request, *arguments, **named)
        response.is_kept = True  # type: ignore[attr-defined]
        return response

    return marked


@dataclass(frozen=True)
class Page:
    """An answer as it is given again: `packed` is its gzip, or None where that saves nothing."""

    body: bytes
    packed: bytes | None
    headers: tuple[tuple[str, str], ...]
    etag: str

    @property
    def size(self) -> int:
        return len(self.body) + len(self.packed or b"") + LONGEST_KEY

    @classmethod
    def of(cls, response: HttpResponse) -> Page:
        etag = response.headers.get("ETag") or f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        packed = gzip.compress(response.content, 6, mtime=0) if len(response.content) > WORTH_PACKING else None
        headers = tuple(pair for pair in response.items() if pair[0].lower() not in UNKEPT_HEADERS)
        return cls(response.content, packed, headers, etag)

    def answer(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse
        if self.etag in parse_etags(request.headers.get("If-None-Match", "").replace("W/", "")):
            response = HttpResponseNotModified()
        elif self.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            response = HttpResponse(self.packed)
            response.headers["Content-Encoding"] = "gzip"
        else:
            response = HttpResponse(self.body)
        for name, value in self.headers:
            response.headers[name] = value
        if not isinstance(response, HttpResponseNotModified):
            response.headers["Content-Length"] = str(len(response.content))
        response.headers["ETag"] = self.etag
        response.headers.setdefault("Cache-Control", "no-cache")  # ask each time; the answer is mostly a 304
        patch_vary_headers(response, VARIES)
        return response


class Shelf:
    """The pages of one version, the least asked for given up when there are too many. Threads share it."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._epoch: tuple[int, ...] = ()
        self._pages: OrderedDict[tuple[str, ...], Page] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, epoch: tuple[int, ...], key: tuple[str, ...]) -> Page | None:
        with self._lock:
            if epoch != self._epoch:
                self._pages.clear()
                self._epoch, self._size = epoch, 0
                return None
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            return page

    def put(self, epoch: tuple[int, ...], key: tuple[str, ...], page: Page) -> None:
        with self._lock:
            if epoch != self._epoch or key in self._pages:
                return
            self._pages[key] = page
            self._size += page.size
            while self._size > self._most:
                self._size -= self._pages.popitem(last=False)[1].size


class KeptPages:
    """The middleware: gives kept pages again, and keeps those that `kept` marks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.shelf = Shelf(settings.KEPT_PAGES_MEGABYTES * MEGABYTE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = key_of(request)
        epoch = epoch_now() if key else None
        if key is None or epoch is None:
            return self.get_response(request)
        page = self.shelf.find(epoch, key)
        if page is None:
            response = self.get_response(request)
            if not is_keepable(request, response):
                return response
            page = Page.of(response)
            self.shelf.put(epoch, key, page)
        return page.answer(request)


def key_of(request: HttpRequest) -> tuple[str, ...] | None:
    """What the page depends on besides the content; None for those who may be somebody."""
    readable = request.method in {"GET", "HEAD"} and not request.path.startswith(NEVER_KEPT)
    if not settings.KEPT_PAGES_MEGABYTES or not readable:
        return None
    headers, path = request.headers, request.get_full_path()
    if request.COOKIES or "Authorization" in headers or "HX-Request" in headers or len(path) > LONGEST_KEY:
        return None
    host = request.META.get("HTTP_HOST", "")
    return str(request.method), str(request.scheme), host, path, headers.get("Accept", "")[:200]


def epoch_now() -> tuple[int, ...] | None:
    """The version and the minute, read before anything is shown; None when the database cannot tell."""
    try:
        return content_version(), int(time.time() // SECONDS)
    except DatabaseError:
        return None


def is_keepable(request: HttpRequest, response: HttpResponse) -> bool:
    """A whole answer that the view says is for everybody, and that gave this reader nothing of their own."""
    whole = response.status_code == 200 and not response.streaming  # noqa: PLR2004 - 200 is OK
    private = "Set-Cookie" in response.headers or response.cookies or request.META.get("CSRF_COOKIE_NEEDS_UPDATE")
    return whole and not private and getattr(response, "is_kept", False) and len(response.content) <= LARGEST
