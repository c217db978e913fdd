"""The pages' platform, with every address of the site that can be named on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from contributions.models import Fork
from tests.factories import make_fork, make_remark
from tests.pages.conftest import (
    _platform_of_the_file as _platform_of_the_file,
    kept_platform as kept_platform,
    platform as platform,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pages.conftest import Platform

OF_REVISION = "(?P<number>[0-9]{1,9})/v(?P<revision>[0-9]{1,9})"
PLACES = {
    "^files/(?P<sha256>[0-9a-f]{64})/(?P<name>[^/]{1,255})$": "files/{sha256}/{name}",
    "^files/(?P<sha256>[0-9a-f]{64})/(?P<name>[^/]{1,255})\\.provenance\\.json$": (
        "files/{sha256}/{name}.provenance.json"
    ),
    "^files/(?P<sha256>[0-9a-f]{64})/(?P<name>[^/]{1,255})\\.bom\\.json$": "files/{sha256}/{name}.bom.json",
    "^keys/(?P<keyid>[0-9a-f]{64})\\.pem$": "keys/{sha256}.pem",
    "^tuf/metadata/(?:(?P<version>[1-9][0-9]{0,8})\\.)?(?P<role>[A-Za-z0-9][A-Za-z0-9.-]{0,199})\\.json$": (
        "tuf/metadata/1.root.json"
    ),
    f"^contributions/{OF_REVISION}/pictures/(?P<index>[0-9]{{1,6}})/(?P<which>old|new)$": (
        "contributions/<int:number>/v1/pictures/0/new"
    ),
    "^.*$": "nowhere/",
    "^confirm-email/(?P<key>[-:\\w]+)/$": "confirm-email/a:b:c/",
    "^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "password/reset/key/1-a-b/",
}


def _routes(patterns: Any, before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if not route.startswith("admin/"):
                yield from _routes(pattern.url_patterns, before + route)
        elif isinstance(pattern, URLPattern):
            yield before + PLACES.get(route, route)


ROUTES = sorted(set(_routes(get_resolver().url_patterns)) - {"readyz"})  # which waits for a broker


def addresses_on(platform: Platform) -> list[str]:
    """Every address that the site has, about the things of this platform."""
    parts = {
        "number": "{c}", "revision": "1", "slug": "{slug}", "project": "swift-client",
        "username": "author", "name": "4.7.0", "sha256": "{sha256}",
        "release": "4.7.0", "path": "a/b", "serial": "1", "token": "odd", "delivery": "1", "position": "1",
    }  # fmt: skip
    return [_filled(route, parts, platform) for route in ROUTES]


def _filled(route: str, parts: dict[str, str], platform: Platform) -> str:
    numbers = {"comments/": platform.comment, "builds/": platform.build, "publications/": platform.publication}
    numbers["artifacts/"] = platform.artifact
    if "forks/" in route:
        numbers["forks/"] = Fork.objects.first() or make_fork(platform.people["author"], component=platform.component)
    if route.removeprefix("api/v1/").startswith("remarks/"):
        numbers["remarks/"] = platform.contribution.line_comments.first() or make_remark(platform.contribution.current)
    number = next((row.pk for start, row in numbers.items() if start in route), platform.contribution.pk)
    number = platform.token.pk if "tokens/" in route else number
    slug = platform.release.slug if route.startswith("simple/") else ""
    slug = slug or (platform.organisation.slug if "organisations/" in route else platform.component.slug)
    given = {**parts, "number": str(number), "slug": slug}
    for name, value in given.items():
        for kind in ("int", "str", "slug", "path"):
            route = route.replace(f"<{kind}:{name}>", value)
    return "/" + route.format(sha256=platform.artifact.sha256, name=platform.artifact.name)


@pytest.fixture
def addresses(platform: Platform) -> list[str]:
    return addresses_on(platform)
