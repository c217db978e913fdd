"""Writing a feed: its entries, newest first, and the answer “nothing is new” for who has it already."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.feedgenerator import Atom1Feed

from contributions.markup import reveal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest

    from contributions.models import Person

ENTRIES = 50
ATOM = "application/atom+xml; charset=utf-8"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # of a feed without entries, which must not change from one look to the next


@dataclass(frozen=True)
class Entry:
    """`path` is where it is read; `mark` tells apart entries that are read at one place."""

    title: str
    path: str
    html: str
    author: str
    published: datetime
    updated: datetime
    mark: str = ""
    categories: Sequence[str] = field(default_factory=tuple)


class _Feed(Atom1Feed):
    def latest_post_date(self) -> datetime:
        return max((item["updateddate"] for item in self.items), default=NO_TIME)


def eyes_of(request: HttpRequest) -> Person | AnonymousUser:
    """A feed reader sees what everybody sees, unless it carries a token: a browser's session changes nothing."""
    return request.user if "Authorization" in request.headers else AnonymousUser()


def answered(request: HttpRequest, title: str, page: str, entries: Iterable[Entry]) -> HttpResponse:
    """The feed, newest first; 304 when the reader has it already."""
    feed = _Feed(
        title=plain(f"{title} · {settings.SITE_NAME}"),
        link=request.build_absolute_uri(page),
        description=plain(title),
        feed_url=request.build_absolute_uri(),
    )
    for entry in sorted(entries, key=lambda entry: entry.updated, reverse=True)[:ENTRIES]:
        feed.add_item(**_item(request, entry))
    text = feed.writeString("utf-8").encode()
    etag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag) or HttpResponse(text, content_type=ATOM)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache" if "Authorization" in request.headers else "no-cache"
    patch_vary_headers(response, ["Authorization"])
    return response


def _item(request: HttpRequest, entry: Entry) -> dict[str, Any]:
    link = request.build_absolute_uri(entry.path)
    return {
        "title": plain(entry.title),
        "link": link,
        "unique_id": f"{link.partition('#')[0]}#{entry.mark}" if entry.mark else link,
        "description": NOT_XML.sub("", entry.html),
        "author_name": plain(entry.author),
        "pubdate": entry.published,
        "updateddate": entry.updated,
        "categories": [plain(word) for word in entry.categories],
    }


def plain(text: str) -> str:
    """What XML can carry of it, and what can be seen."""
    return NOT_XML.sub("", reveal(text))
