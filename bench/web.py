"""Requests a second of the pages and the API with 10,000 contributions, against floors in the same run.

    python bench/web.py [ROWS]

Starts a database of its own and gunicorn with two workers as the site runs it; two clients ask one address at a time,
on kept connections, in three rounds; the median round counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # and not this directory, where a bench has the name of a library

ROUNDS, SECONDS, CLIENTS = 3, 3.0, 2
FLOORS = {
    "a bare Django view": "/floor/bare/",
    "one query, 30 rows in a template": "/floor/rows/",
    "30 rows through a ModelSerializer": "/floor/api/",
}
OURS = {
    "contribution list": ("/contributions/", "one query, 30 rows in a template", 0.8),
    "contribution list, best on a release": ("/contributions/?component=component-1&order=best", None, None),
    "contribution list, searched": ("/contributions/?q=retry+backoff", None, None),
    "contribution page": ("/contributions/{middle}/", None, None),
    "REST list of 30": ("/api/v1/contributions/?page_size=30", "30 rows through a ModelSerializer", 1.0),
    "REST contribution": ("/api/v1/contributions/{middle}/", None, None),
    "feed": ("/api/v1/feed/", None, None),
    "front page": ("/", None, None),
}
WORDS = (
    "retry", "backoff", "timeout", "ring", "replica", "container", "object", "proxy",
    "auth", "token", "cache", "segment", "header", "quota", "sync",
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fill(rows: int) -> int:
    """Make the contributions with all that their pages read; return the number of one in the middle."""
    from django.utils import timezone

    from contributions.models import (
        Blob,
        Comment,
        Component,
        Contribution,
        Fit,
        Organisation,
        Person,
        Release,
        Revision,
        Standing,
        Vote,
    )

    rng = random.Random(7)
    people = Person.objects.bulk_create(Person(username=f"person-{n}", email=f"p{n}@example.org") for n in range(200))
    organisations = Organisation.objects.bulk_create(
        Organisation(slug=f"organisation-{n}", name=f"Organisation {n}") for n in range(40)
    )
    components = Component.objects.bulk_create(
        Component(slug=f"component-{n}", name=f"Component {n}", upstream_url="https://git.example.org/x.git")
        for n in range(10)
    )
    releases = Release.objects.bulk_create(
        Release(component=c, name=f"{n}.0", slug=f"{c.slug}-{n}.0", ref=f"{n}.0", commit=f"{n:040x}", position=n)
        for c in components
        for n in range(1, 9)
    )
    diff = Blob.objects.keep_bytes(b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    made = Contribution.objects.bulk_create(
        (
            Contribution(
                component=rng.choice(components), kind=rng.choice(["refinement", "improvement"]),
                title=" ".join(rng.choices(WORDS, k=7)), description=" ".join(rng.choices(WORDS, k=60)),
                description_html=f"<p>{' '.join(rng.choices(WORDS, k=60))}</p>", author=rng.choice(people),
                organisation=rng.choice(organisations), release=rng.choice(releases),
                state=rng.choice(["open", "open", "approved", "changes-requested"]), up=rng.randrange(40),
                down=rng.randrange(5), comment_count=rng.randrange(30), score=rng.random(),
                activity=rng.random() * 1500, fit_count=rng.randrange(8), release_count=8,
                green_count=rng.randrange(8),
            )
            for _ in range(rows)
        ),
        batch_size=1000,
    )  # fmt: skip
    now = timezone.now()
    revisions = Revision.objects.bulk_create(
        (
            Revision(
                contribution=c, number=1, source="patch", state="received", submitted_by=c.author, raw=diff, mbox=diff,
                diff=diff, files=[{"path": "x", "old_path": "x", "status": "modified", "added": 1, "removed": 1,
                                   "start": 0, "end": diff.size, "binary": False}],
                commits=[], fingerprint=hashlib.sha256(str(c.pk).encode()).hexdigest(), finished_at=now,
            )
            for c in made
        ),
        batch_size=1000,
    )  # fmt: skip
    for contribution, revision in zip(made, revisions, strict=True):
        contribution.current = revision
    Contribution.objects.bulk_update(made, ["current"], batch_size=1000)
    by_component: dict[int, list[Any]] = {}
    for release in releases:
        by_component.setdefault(release.component_id, []).append(release)
    Fit.objects.bulk_create(
        (
            Fit(
                revision=r,
                release=release,
                state=rng.choice(["applies", "upstream", "conflicts"]),
                release_commit="0" * 40,
            )
            for r, c in zip(revisions, made, strict=True)
            for release in by_component[c.component_id]
        ),
        batch_size=5000,
    )
    Standing.objects.bulk_create(
        (
            Standing(contribution=c, release=release, score=rng.random(), parts={}, fit="applies")
            for c in made
            for release in by_component[c.component_id]
        ),
        batch_size=5000,
    )
    middle = made[rows // 2]
    Comment.objects.bulk_create(
        Comment(contribution=middle, author=rng.choice(people), text="It works.", html="<p>It works.</p>")
        for _ in range(20)
    )
    Vote.objects.bulk_create(Vote(contribution=middle, person=person, value=1) for person in people[:40])
    return int(middle.pk)


def ask(port: int, path: str, seconds: float) -> int:
    """How many answers came within the time on one kept connection; anything but 200 ends the bench."""
    connection, answers = HTTPConnection("127.0.0.1", port, timeout=30), 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}")
        answers += 1
    return answers


def rate(clients: ProcessPoolExecutor, port: int, path: str) -> float:
    parts = [clients.submit(ask, port, path, SECONDS) for _ in range(CLIENTS)]
    return sum(part.result() for part in parts) / SECONDS


def measured(port: int, paths: dict[str, str]) -> dict[str, float]:
    """The median rate of each path; the rounds are interleaved so that a slow minute slows all alike."""
    rates: dict[str, list[float]] = {name: [] for name in paths}
    with ProcessPoolExecutor(CLIENTS) as clients:
        for path in paths.values():
            list(clients.map(ask, [port] * CLIENTS, [path] * CLIENTS, [0.5] * CLIENTS))
        for _ in range(ROUNDS):
            for name, path in paths.items():
                rates[name].append(rate(clients, port, path))
    return {name: statistics.median(values) for name, values in rates.items()}


def serve(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:portal.gunicorn", "--access-logfile", "/dev/null"]
    server = subprocess.Popen([*command, "portal.wsgi"], cwd=ROOT, env=os.environ | {"PORT": str(port)})
    for _ in range(100):
        try:
            ask(port, "/floor/bare/", 0.01)
        except OSError:
            time.sleep(0.1)
        else:
            return server
    raise SystemExit("gunicorn did not come up")


def report(rates: dict[str, float]) -> None:
    for name in FLOORS:
        print(f"web: {name:<40} {rates[name]:8.1f}/s   (floor)")
    for name, (_, floor, aim) in OURS.items():
        ratio = f"   {rates[name] / rates[floor]:.2f} of “{floor}”, aim {aim:.2f}" if floor else ""
        print(f"web: {name:<40} {rates[name]:8.1f}/s{ratio}")


def main(rows: int) -> None:
    var = tempfile.mkdtemp(prefix="patchbay-bench-")
    port = free_port()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "bench.floors.settings", "PATCHBAY_VAR": var, "PORT": str(port),
        "PATCHBAY_WEB_WORKERS": "2", "PATCHBAY_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    import django
    from django.core.management import call_command

    django.setup()
    server = None
    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        middle = fill(rows)
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        connection.close()
        server = serve(port)
        paths = FLOORS | {name: path.format(middle=middle) for name, (path, _, _) in OURS.items()}
        print(f"web: {rows:,} contributions, gunicorn with 2 workers, {CLIENTS} clients on kept connections")
        rates = measured(port, paths)
        report(rates)
        print("web: json " + json.dumps({name: round(value, 1) for name, value in rates.items()}))
    finally:
        if server:
            server.terminate()
            server.wait(20)
        call_command("stop")
        shutil.rmtree(var, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
