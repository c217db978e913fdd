"""A live site whose index is signed, a stock client of it, and an attacker between the two."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from tuf.ngclient import Updater

from contributions.models import Event, IndexFile
from contributions.models.index import targets_of
from contributions.pipeline import indexing
from contributions.signing.keys import KeyStore
from tests import factories
from tests.platform import _kept_apart  # noqa: F401 - a fixture
from tests.worker.conftest import crew  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_django.live_server_helper import LiveServer
    from tuf.api.metadata import TargetFile

    from contributions.models import Publication, Release

CHUNK, ENDLESS = 2**16, 2**28  # bytes
WHEEL = b"an approved wheel"


@dataclass
class Feed:
    """What happens on the portal's side."""

    store: KeyStore

    def publish(self, release: Release | None = None, content: bytes = WHEEL, name: str = "") -> Publication:
        contribution = factories.make_contribution(release=release or factories.make_release())
        build = factories.make_build(contribution.current, contribution.release)
        factories.make_artifact(build, name, content)
        publication = factories.make_publication(build)
        self.tell("published", publication)
        return publication

    def withdraw(self, publication: Publication, state: str = "withdrawn", reason: str = "It loses data.") -> None:
        publication.move(state, reason=reason)
        self.tell("unpublished", publication)

    def tell(self, verb: str, publication: Publication) -> None:
        contribution = publication.revision.contribution
        Event.objects.write(verb, contribution=contribution, release=publication.release, publication=publication)

    def sign(self) -> list[str]:
        """Sign what changed; the names of the new files, in the order in which they were made."""
        return [str(file) for file in indexing.sign()]

    def file(self, name: str) -> bytes:
        version, _, role = name.removesuffix(".json").partition(".")
        return bytes(IndexFile.objects.get(role=role, version=version).content)

    def newest(self, role: str) -> bytes:
        newest = IndexFile.objects.newest(role)
        assert newest is not None
        return bytes(newest.content)

    def root(self) -> bytes:
        return self.newest("root")

    def expire(self, role: str) -> None:
        """Let the newest file of the role come to its end, as the portal sees it."""
        newest = IndexFile.objects.newest(role)
        assert newest is not None
        IndexFile.objects.filter(pk=newest.pk).update(expires_at=newest.made_at)


def path_of(publication: Publication) -> str:
    """The path of its only file."""
    (path,) = targets_of(publication)
    return path


@dataclass
class Installer:
    """A customer's machine: the stock client, which keeps what it trusts between its runs."""

    place: Path
    site: str
    root: bytes

    def __post_init__(self) -> None:
        (self.place / "metadata").mkdir(parents=True)

    def updater(self) -> Updater:
        """The client as it starts anew, on what it kept."""
        base = f"{self.site}/tuf/"
        return Updater(
            str(self.place / "metadata"), f"{base}metadata/", str(self.place / "files"), f"{base}targets/",
            bootstrap=self.root,
        )  # fmt: skip

    def refresh(self) -> None:
        self.updater().refresh()

    def find(self, path: str) -> TargetFile | None:
        return self.updater().get_targetinfo(path)

    def install(self, path: str) -> bytes:
        updater = self.updater()
        found = updater.get_targetinfo(path)
        assert found is not None, path
        with open(updater.download_target(found), "rb") as file:  # noqa: PTH123 - the client gives a string
            return file.read()


@dataclass
class Mirror:
    """Whoever stands between a client and the portal: passes on what it is asked for, or what it likes better."""

    site: str
    instead: dict[str, bytes] = field(default_factory=dict)
    endless: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        mirror = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                name = self.path.rpartition("/")[2]
                status, content = (404, b"") if name in mirror.hidden else mirror.answer(self.path)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)
                if name in mirror.endless:
                    self.go_on()

            def go_on(self) -> None:
                """Send more until nobody listens any more."""
                with suppress(OSError):
                    for _ in range(ENDLESS // CHUNK):
                        self.wfile.write(bytes(CHUNK))

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, path: str) -> tuple[int, bytes]:
        if path.rpartition("/")[2] in self.instead:
            return 200, self.instead[path.rpartition("/")[2]]
        try:
            with urllib.request.urlopen(self.site + path, timeout=20) as response:  # noqa: S310 - the live server's
                return response.status, response.read()
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, problem.read()

    def metadata_asked(self) -> Sequence[str]:
        return [path.removeprefix("/tuf/metadata/") for path in self.asked if path.startswith("/tuf/metadata/")]

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def feed(settings: Any, tmp_path: Path, transactional_db: None) -> Feed:
    del transactional_db
    settings.KEYS_DIR = tmp_path / "keys"
    return Feed(KeyStore(django_settings.KEYS_DIR, {}))


@pytest.fixture
def mirror(live_server: LiveServer) -> Iterator[Mirror]:
    mirror = Mirror(live_server.url)
    yield mirror
    mirror.end()


@pytest.fixture
def installer(feed: Feed, mirror: Mirror, tmp_path: Path) -> Installer:
    """A client that was given the root of a site on which nothing is published yet."""
    feed.sign()
    return Installer(tmp_path / "client", mirror.address, feed.root())
