"""Every address of the site, asked in ways that nobody who means well would ask: never a fault of ours."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from .conftest import ROUTES

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Platform

NAMES = (
    "q", "component", "release", "kind", "state", "order", "page", "page_size", "cursor", "revision", "view", "file",
    "from", "offset", "line", "mark", "attempt", "since", "contribution", "author", "organisation", "next", "format",
)  # fmt: skip
NASTY = (
    "", "0", "-1", "1", "9" * 30, "9" * 400, "1e308", "NaN", "\ud800", "\u202e", "a\u0301" * 40, "\u200b", "%00", "%zz",
    "' or 1=1 --", '"', "(" * 250, "-" * 250, " or " * 80, "a & b", "a:*", "!", "<->", "\\", "{{7*7}}", "${7}", "../..",
    "WzBd", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTld", "unified", "split", "newest", "best", "2026-01-01T00:00:00",
    "0001-01-01", "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59",
)  # fmt: skip
values = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers().map(str))
queries = st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), values), max_size=4)
HEADERS = {
    "Accept": ["", "*/*;q=x", "text/html;q=0", "a" * 6000, ",".join(["application/json"] * 500), "\x7f"],
    "Accept-Language": ["x" * 3000, ",,,;q=", "*"],
    "Range": ["bytes=", "bytes=-", "bytes=0-" + "9" * 300, "bytes=" + "0-0," * 500, "items=1-2"],
    "If-None-Match": ["*", '"', "W/", '"a",' * 900, "\\"],
    "If-Match": ["*", '"nothing"', ","],
    "If-Range": ["Wed, 99 Foo 2026", '"'],
    "If-Modified-Since": ["yesterday", "Thu, 01 Jan 9999 00:00:00 GMT", "Mon, 31 Feb 0000 99:99:99 GMT"],
    "If-Unmodified-Since": ["Thu, 01 Jan 1970 00:00:00 GMT", "x"],
    "Cookie": ["sessionid=" + "x" * 7000, "sessionid=; csrftoken=é", ";;;=;", "messages=garbage", "a=b; " * 500],
    "Authorization": ["Token", "Token \u00e9", "Basic ====", "Token " + "x" * 7000, "Bearer x", ""],
    "X-Forwarded-For": ["' or 1=1", "::1, 999.9.9.9"],
    "X-Forwarded-Host": ["evil.example"],
    "X-Forwarded-Proto": ["https, javascript"],
    "HX-Request": ["true"],
    "HX-Current-URL": ["javascript:alert(1)"],
    "Content-Type": ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 500, "text/plain; charset=none"],
    "Referer": ["http://[::1", "javascript:1"],
    "Origin": ["null", "http://["],
}
METHODS = ("OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND")
PIECES = ("\x00", "\x01\x7f\n", "\u202e", "\ud800", "%2e%2e", "%", "9" * 30, "a" * 3000, "\\")
SOUND = {200, 206, 301, 302, 304, 400, 401, 403, 404, 405, 412, 413, 415, 416, 429}


def opened(client: Client, method: str, address: str, **given: str) -> int:
    answer = client.generic(method, address, headers=given)
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer.status_code


@given(query=queries, role=st.sampled_from(("stranger", "staff")), at=st.integers(0, len(ROUTES) - 1))
@settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_query_breaks_any_address(
    platform: Platform, addresses: list[str], query: list[tuple[str, str]], role: str, at: int
) -> None:
    said = urlencode(query, errors="surrogatepass")
    assert opened(platform.client(role), "GET", f"{addresses[at]}?{said}") in SOUND


@pytest.mark.attack("W20")
@pytest.mark.parametrize("name", HEADERS)
def test_no_header_breaks_any_address(platform: Platform, addresses: list[str], name: str) -> None:
    """The values take turns, so that each meets every kind of address and no pair of them costs the whole minute."""
    client = platform.client("stranger" if name == "Cookie" else "author")
    for address, value in zip(addresses, cycle(HEADERS[name]), strict=False):
        assert opened(client, "GET", address, **{name: value}) in SOUND, (address, value)


@pytest.mark.parametrize("role", ["stranger", "staff"])
def test_no_verb_of_http_breaks_any_address(platform: Platform, addresses: list[str], role: str) -> None:
    client = platform.client(role)
    for address, method in zip(addresses * 3, cycle(METHODS), strict=False):
        assert opened(client, method, address) in SOUND, (method, address)


def test_no_piece_of_a_path_breaks_the_site(platform: Platform, addresses: list[str]) -> None:
    client, pieces = platform.client("author"), cycle(PIECES)
    for address in addresses:
        parts = address.strip("/").split("/")
        for at in range(len(parts)):
            for piece in islice(pieces, 2):
                path = "/".join([*parts[:at], quote(piece, safe="%", errors="surrogatepass"), *parts[at + 1 :]])
                assert opened(client, "GET", f"/{path}/") in SOUND, path
