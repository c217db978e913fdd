"""Speaking to the portal as a machine does: over HTTP, with a token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECONDS = 30


class Refused(Exception):
    """The portal answered with an error; its own sentence is the message."""

    def __init__(self, method: str, url: str, status: int, sentence: str) -> None:
        super().__init__(f"{method} {url} was answered with {status}: {sentence}")
        self.status = status


@dataclass(frozen=True)
class File:
    """A file of a form."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One person's (or nobody's) hands; paths are below the site's address."""

    def __init__(self, site: str, token: str = "") -> None:
        self.site = site
        self._token = token

    def get(self, path: str, **query: object) -> Any:
        return self.fetch(f"{path}?{urlencode(query)}" if query else path).json()

    def rows(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """All rows of a list, page after page."""
        page = self.get(path, page_size=100, **query)
        yield from page["results"]
        while page["next"]:
            page = self.fetch(page["next"]).json()
            yield from page["results"]

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._send("POST", path, body)

    def put(self, path: str, body: Mapping[str, object]) -> Any:
        return self._send("PUT", path, body)

    def fetch(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._ask(self._request(path, headers=dict(headers or {})))

    def _send(self, method: str, path: str, body: Mapping[str, object]) -> Any:
        """As JSON, or as a form when a file is in it."""
        if any(isinstance(value, File) for value in body.values()):
            content, kind = _form(body)
        else:
            content, kind = json.dumps(body).encode(), "application/json"
        return self._ask(self._request(path, data=content, headers={"Content-Type": kind}, method=method)).json()

    def _request(self, path: str, **given: Any) -> urllib.request.Request:
        return urllib.request.Request(urljoin(self.site, path), **given)  # noqa: S310 - the site's own address

    def _ask(self, request: urllib.request.Request) -> Answer:
        if self._token:
            request.add_header("Authorization", f"Token {self._token}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=SECONDS) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            if error.code == 304:  # noqa: PLR2004 - not modified, which urllib takes for an error
                return Answer(304, dict(error.headers), b"")
            raise Refused(request.get_method(), request.full_url, error.code, _sentence(error)) from None


def _sentence(error: urllib.error.HTTPError) -> str:
    body = error.read()
    try:
        problem = json.loads(body)
        return f"{problem['detail']} {problem.get('errors') or ''}".strip()
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace") or str(error.reason)


def _form(body: Mapping[str, object]) -> tuple[bytes, str]:
    """multipart/form-data (RFC 7578)."""
    boundary = uuid.uuid4().hex
    parts = [_part(name, value) for name, value in body.items()]
    content = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return content + b"--%s--\r\n" % boundary.encode(), f"multipart/form-data; boundary={boundary}"


def _part(name: str, value: object) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    if isinstance(value, File):
        head += f'; filename="{value.name}"\r\nContent-Type: application/octet-stream'
        return head.encode() + b"\r\n\r\n" + value.content
    return head.encode() + b"\r\n\r\n" + str(value).encode()
