"""An upstream server that stalls, resets, answers garbage or moves a tag: what the portal has stays as it was."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest

from contributions.checkout import mirror
from contributions.errors import Trouble
from contributions.models import Component, Event, UpstreamFetch
from contributions.pipeline.fetching import fetch
from contributions.pipeline.places import mirror_of
from tests.checkout.conftest import misbehaving as misbehaving

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
ADVERTISED = "application/x-git-upload-pack-advertisement"


def reset(handler: BaseHTTPRequestHandler) -> None:
    linger = struct.pack("ii", 1, 0)  # close with a reset, not with a goodbye
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", ADVERTISED)
    handler.end_headers()
    handler.wfile.write(os.urandom(100_000))


def broken(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(500)
    handler.end_headers()


def nothing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", ADVERTISED)
    handler.end_headers()


def stall(_: BaseHTTPRequestHandler) -> None:
    time.sleep(40)


def pulled(component: Component) -> UpstreamFetch:
    row = UpstreamFetch.objects.create(component=component)
    fetch(row.pk)
    row.refresh_from_db()
    return row


def releases_of(component: Component) -> list[tuple[str, str, str]]:
    return list(component.releases.order_by("position").values_list("name", "commit", "state"))


@pytest.mark.parametrize("fault", [reset, garbage, broken, nothing], ids=lambda fault: fault.__name__)
def test_a_server_that_breaks_changes_nothing_and_is_asked_again(
    component: Component, misbehaving: Any, fault: Any
) -> None:
    before, commit = releases_of(component), component.releases.first().commit
    component.upstream_url = f"{misbehaving(fault)}/song.git"
    component.save()
    row = pulled(component)
    assert row.state == "queued", "it is tried again"
    assert row.sentence.startswith("Upstream could not be pulled")
    assert releases_of(component) == before
    assert mirror.releases_in(mirror_of(component), ".*"), "the mirror still has upstream"
    assert commit


def test_a_server_that_stalls_is_left_in_time(component: Component, misbehaving: Any) -> None:
    path: Path = mirror_of(component)
    before = mirror.releases_in(path, ".*")
    begun = time.monotonic()
    with pytest.raises(Trouble, match="too long"):
        mirror.fetch_mirror(path, f"{misbehaving(stall)}/song.git", allow_private=True, timeout=1.5)
    assert time.monotonic() - begun < 20
    assert mirror.releases_in(path, ".*") == before


def test_a_tag_that_upstream_moves_leaves_the_release_where_it_was_and_is_told(
    component: Component, upstream: Upstream
) -> None:
    before = releases_of(component)
    upstream.git("tag", "-f", "-a", "1.0", "-m", "another 1.0", "4.0^{}")
    row = pulled(component)
    assert row.state == "done"
    assert "moved the tag of 1.0" in row.sentence
    assert releases_of(component) == before
    assert "moved the tag of 1.0" in Event.objects.filter(verb=Event.Verb.FETCHED).first().text
    upstream.git("tag", "-f", "-a", "1.0", "-m", "as it was", before[0][1])
    assert "moved" not in pulled(component).sentence
