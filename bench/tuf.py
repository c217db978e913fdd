"""The signed index with 10,000 targets: how long a change takes to sign, and how long the stock client to refresh.

    python bench/tuf.py [TARGETS]

Ten releases share the targets. The client is python-tuf as it comes, over HTTP, against gunicorn as the site runs it.
It asks for one file in one release, and for one in each of them; cold it has the root alone, warm it was here before.
The floor asks for the same addresses with plain GETs on one kept connection and looks at nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # and not this directory, where this very file has the name of the client

if TYPE_CHECKING:
    from collections.abc import Callable

RELEASES, ROUNDS = 10, 5


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fill(targets: int) -> None:
    """Make publications of one wheel each, evenly over the releases; one publication per release."""
    from contributions.models import Component, Contribution, Person, Release, Revision

    author = Person.objects.create(username="author")
    component = Component.objects.create(slug="component", name="Component", upstream_url="https://git.example.org/x")
    releases = Release.objects.bulk_create(
        Release(component=component, name=f"{n}.0", slug=f"component-{n}.0", ref=f"{n}.0", commit="0" * 40, position=n)
        for n in range(RELEASES)
    )
    contributions = Contribution.objects.bulk_create(
        Contribution(
            component=component, kind="refinement", title=f"Change {n}", author=author, release=releases[n % 10]
        )
        for n in range(targets)
    )
    revisions = Revision.objects.bulk_create(
        Revision(contribution=given, number=1, source="patch", state="received", submitted_by=author)
        for given in contributions
    )
    publish(revisions)


def publish(revisions: list[Any]) -> None:
    """Put each revision's passed build, a wheel of its own, into the feed."""
    from contributions.models import Artifact, Blob, Build, Event, Publication

    blobs = Blob.objects.bulk_create(
        Blob(sha256=hashlib.sha256(b"wheel %d" % given.pk).hexdigest(), size=50_000) for given in revisions
    )
    builds = Build.objects.bulk_create(
        Build(revision=given, release=given.contribution.release, commit="0" * 40, recipe={}, state="passed")
        for given in revisions
    )
    Artifact.objects.bulk_create(
        Artifact(build=build, name=f"dist/component-{build.pk}.0+patchbay.1-py3-none-any.whl", blob=blob)
        for build, blob in zip(builds, blobs, strict=True)
    )
    made = Publication.objects.bulk_create(
        Publication(revision=build.revision, release=build.release, build=build) for build in builds
    )
    last = made[-1]
    Event.objects.write("published", contribution=last.revision.contribution, release=last.release, publication=last)


def timed(act: Callable[..., Any], *given: Any) -> float:
    begin = time.perf_counter()
    act(*given)
    return time.perf_counter() - begin


def sign_changes(rounds: int) -> float:
    """The median time to sign one more publication."""
    from django.db import connection

    from contributions.models import Publication
    from contributions.pipeline import indexing

    seconds = []
    for _ in range(rounds):
        gone = Publication.objects.live().order_by("-pk")[0]
        gone.move("withdrawn", reason="For the bench.")
        seconds.append(timed(indexing.sign))
    connection.close()
    return statistics.median(seconds)


def serve(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:portal.gunicorn", "--access-logfile", "/dev/null"]
    server = subprocess.Popen([*command, "portal.wsgi"], cwd=ROOT, env=os.environ | {"PORT": str(port)})
    for _ in range(200):
        try:
            get(HTTPConnection("127.0.0.1", port, timeout=5), "/healthz")
        except OSError:
            time.sleep(0.1)
        else:
            return server
    raise SystemExit("gunicorn did not come up")


def get(connection: HTTPConnection, path: str) -> bytes:
    connection.request("GET", path, headers={"Host": "127.0.0.1"})
    return connection.getresponse().read()


@dataclass(frozen=True)
class Client:
    """An installer, before it downloads: it refreshes, and finds each of the paths."""

    port: int
    root: bytes
    paths: list[str]

    def refresh(self, place: Path) -> None:
        from tuf.ngclient import Updater

        place.mkdir(exist_ok=True)
        base = f"http://127.0.0.1:{self.port}/tuf/"
        updater = Updater(str(place), f"{base}metadata/", bootstrap=self.root)
        if any(updater.get_targetinfo(path) is None for path in self.paths):
            raise SystemExit("The client does not find what was published.")


def addresses(releases: list[str]) -> list[str]:
    """What a cold client asks for, in its order."""
    from contributions.models import IndexFile

    newest = {file.role: file.version for file in IndexFile.objects.newest_of_each()}
    roles = ["snapshot", "targets", *releases]
    names = [f"{newest['root'] + 1}.root", "timestamp", *(f"{newest[role]}.{role}" for role in roles)]
    return [f"/tuf/metadata/{name}.json" for name in names]


def fetch_all(port: int, paths: list[str]) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    return sum(len(get(connection, path)) for path in paths)


def measure(port: int, var: Path) -> dict[str, float]:
    """Medians in seconds; cold begins in a new directory each time."""
    from django.db import connection

    from contributions.models import IndexFile, Publication
    from contributions.models.index import targets_of

    root = bytes(IndexFile.objects.get(role="root").content)
    found: dict[str, str] = {}
    for publication in Publication.objects.live().order_by("pk")[: RELEASES * 2]:
        found.setdefault(publication.release.slug, next(iter(targets_of(publication))))
    figures: dict[str, float] = {}
    for name, slugs in (("one release", sorted(found)[:1]), ("all releases", sorted(found))):
        asked, client = addresses(slugs), Client(port, root, [found[slug] for slug in slugs])
        places = [var / f"client-{len(slugs)}-{n}" for n in range(ROUNDS)]
        figures[f"{name}: bytes"] = fetch_all(port, asked)
        figures[f"{name}: plain GETs"] = statistics.median(timed(fetch_all, port, asked) for _ in places)
        for label in ("cold", "warm"):
            figures[f"{name}: {label}"] = statistics.median(timed(client.refresh, place) for place in places)
    connection.close()
    return figures


def report(targets: int, figures: dict[str, float]) -> None:
    print(f"tuf: {targets:,} targets in {RELEASES} releases; python-tuf's client over HTTP, gunicorn with 2 workers")
    for name, value in figures.items():
        if name.endswith("bytes"):
            print(f"tuf: {name.removesuffix(': bytes'):<28} {value / 1000:10,.0f} kB fetched by a cold client")
        else:
            print(f"tuf: {name:<28} {value * 1000:10,.0f} ms{'   (floor)' if 'GETs' in name else ''}")
    print("tuf: json " + json.dumps({name: round(value, 4) for name, value in figures.items()}))


def main(targets: int) -> None:
    var = Path(tempfile.mkdtemp(prefix="patchbay-bench-"))
    port = free_port()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings", "PATCHBAY_VAR": str(var), "PORT": str(port),
        "PATCHBAY_WEB_WORKERS": "2", "PATCHBAY_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    import django
    from django.core.management import call_command

    django.setup()
    from contributions.pipeline import indexing

    server = None
    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        fill(targets)
        figures = {"signing everything": timed(indexing.sign), "signing one change": sign_changes(ROUNDS)}
        figures["nothing to sign"] = timed(indexing.sign)
        server = serve(port)
        report(targets, figures | measure(port, var))
    finally:
        if server:
            server.terminate()
            server.wait(20)
        call_command("stop")
        shutil.rmtree(var, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
