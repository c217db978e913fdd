"""What machines are told of the index before they use it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .conftest import path_of

if TYPE_CHECKING:
    from django.test import Client

    from .conftest import Feed


def test_the_index_is_told_of_before_and_after_it_is_signed(feed: Feed, client: Client) -> None:
    assert client.get("/api/v1/").json()["index"] == "http://testserver/api/v1/index/"
    told = client.get("/api/v1/index/").json()
    assert (told["root"], told["files"], told["releases"]) == (None, [], 0)
    feed.publish()
    feed.sign()
    told = client.get("/api/v1/index/").json()
    assert told["releases"] == 1
    assert [(file["role"], file["version"]) for file in told["files"]] == [
        (role, 1) for role in ("root", "timestamp", "snapshot", "targets")
    ]
    root = client.get(told["root"]["url"]).content
    assert told["root"]["sha256"] == hashlib.sha256(root).hexdigest()
    assert told["root"]["is_kept_here"] is True
    assert client.get(f"{told['metadata_url']}timestamp.json").status_code == 200
    assert client.get(told["page"]).status_code == 200


def test_feed_and_publications_name_the_paths_of_what_can_be_installed(feed: Feed, client: Client) -> None:
    publication = feed.publish()
    path = path_of(publication)
    one = f"/api/v1/publications/{publication.pk}/"
    assert client.get(one).json()["targets"] == [path]
    assert [entry["targets"] for entry in client.get("/api/v1/feed/").json()["results"]] == [[path]]
    feed.withdraw(publication)
    assert client.get(one).json()["targets"] == []
    assert [entry["targets"] for entry in client.get("/api/v1/feed/").json()["results"]] == [[], []]
