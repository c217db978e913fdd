"""Pages and API with 1,000 and with 100,000 contributions, against floors in the same run.

    python bench/web.py [SIZE …]

Each size has a database of its own, filled by `bench.community.loading`, and gunicorn with two workers as the site runs
it. Two clients ask one address at a time, on kept connections, in interleaved rounds; the median round counts. Unless a
name says “kept”, a cookie is sent, so that no kept page answers. Percentiles are of one client's first bytes. Queries
are counted in process.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # and not this directory, where a bench has the name of a library

ROUNDS, SECONDS, CLIENTS, SINGLE = 3, 1.0, 2, 40
SIZES = (1_000, 100_000)
VOTERS = 300  # who vote by turns, so that none is told to slow down
ANEW = {"Cookie": "anew=1"}
BARE, ROWS, SERIALIZER = "a bare Django view", "one query, 30 rows in a template", "30 rows through a ModelSerializer"
FLOORS = {BARE: "/floor/bare/", ROWS: "/floor/rows/", SERIALIZER: "/floor/api/"}


@dataclass(frozen=True)
class Asked:
    """An address, with the floor that it is held against and the ratio aimed at."""

    path: str
    floor: str = ""
    aim: float = 0.0
    anew: bool = True

    @property
    def headers(self) -> dict[str, str]:
        return ANEW if self.anew else {}


@dataclass
class Figures:
    """What was measured of one address: answers a second, and the seconds to the first byte of single requests."""

    rates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    queries: int | None = None

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def wait(self, share: float) -> float:
        return sorted(self.waits)[min(int(len(self.waits) * share), len(self.waits) - 1)]


def asked_of(loaded: Any) -> dict[str, Asked]:
    lists = "/contributions/?order="
    cursor = base64.urlsafe_b64encode(json.dumps([0, loaded.middle]).encode()).decode().rstrip("=")
    one, search = f"/contributions/{loaded.middle}/", "/search/?q="
    word, rare = loaded.phrase.split()
    typo = rare[:2] + rare[3:] if len(rare) > 4 else f"{rare}x"
    anew = {
        **{f"list, {order}": f"{lists}{order}" for order in ("best", "active", "newest", "deployed")},
        "list, best on a component": "/contributions/?component=component-1",
        "list, a page deep inside": f"{lists}newest&page={cursor}",
        "search, a common word": f"{search}{word}",
        "search, a rarer word": f"{search}{rare}",
        "search, a phrase": search + quote_plus(f'"{loaded.phrase}"'),
        "search, a file": f"{search}file:{quote_plus(loaded.path)}",
        "search, a typo": f"{search}{typo}",
    }
    found = {name: Asked(path, ROWS, 0.8) for name, path in anew.items()}
    pages = {
        "contribution": one,
        "its discussion, 200 comments": f"{one}discussion/",
        "its changes, 5,000 lines": f"{one}changes/",
        "its evidence": f"{one}evidence/",
        "front page": "/",
        "component": "/components/component-1/",
        "REST contribution": f"/api/v1{one}",
        "feed": "/api/v1/feed/",
    }
    found |= {name: Asked(path) for name, path in pages.items()}
    found["REST list of 30"] = Asked("/api/v1/contributions/?page_size=30", SERIALIZER, 1.0)
    kept = {"list": "/contributions/", "contribution": one, "feed": "/api/v1/feed/", "front page": "/"}
    found |= {f"{name}, kept": Asked(path, BARE, 0.5, anew=False) for name, path in kept.items()}
    found["REST list of 30, kept"] = Asked("/api/v1/contributions/?page_size=30", SERIALIZER, 2.0, anew=False)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, headers: Mapping[str, str], seconds: float, most: int = 10**9) -> list[float]:
    """The waits for the first byte of each answer within the time; anything but 200 ends the bench."""
    connection, waits = HTTPConnection("127.0.0.1", port, timeout=60), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and len(waits) < most:
        began = time.perf_counter()
        connection.request("GET", path, headers={"Host": "localhost", **headers})
        answer = connection.getresponse()
        waits.append(time.perf_counter() - began)
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}")
    return waits


def rate(clients: ProcessPoolExecutor, port: int, asked: Asked) -> float:
    parts = [clients.submit(ask, port, asked.path, asked.headers, SECONDS) for _ in range(CLIENTS)]
    return sum(len(part.result()) for part in parts) / SECONDS


def measured(port: int, asked: Mapping[str, Asked]) -> dict[str, Figures]:
    """Each address by itself first, then all in rounds, so that a slow minute slows all alike."""
    figures = {name: Figures() for name in asked}
    with ProcessPoolExecutor(CLIENTS) as clients:
        for name, what in asked.items():
            ask(port, what.path, what.headers, 0.5, 4)
            figures[name].waits = ask(port, what.path, what.headers, 3.0, SINGLE)
        for _ in range(ROUNDS):
            for name, what in asked.items():
                figures[name].rates.append(rate(clients, port, what))
    return figures


def count_queries(asked: Mapping[str, Asked], figures: Mapping[str, Figures]) -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    for name, what in asked.items():
        client = Client(headers={"Host": "localhost", **what.headers})
        if client.get(what.path).status_code != 200:
            raise SystemExit(f"{what.path} is not answered in process")
        with CaptureQueriesContext(connection) as captured:
            client.get(what.path)
        figures[name].queries = len(captured)


def tokens() -> list[str]:
    from contributions.actions.issuing import make_token
    from contributions.models import Person

    people = Person.objects.order_by("pk")[:VOTERS]
    return [make_token(person=person, name="bench", scopes=["read", "write"], days=1)[1] for person in people]


def to_vote_on() -> list[int]:
    """Some that none of the voters shared."""
    from contributions.models import Contribution

    others = Contribution.objects.filter(author__gt=VOTERS).exclude(state="withdrawn")
    return list(others.order_by("-pk").values_list("pk", flat=True)[:20])


def votes(port: int, secrets: Iterator[str], numbers: list[int]) -> list[float]:
    """The seconds of each of 200 votes, by turns of people, on one contribution after the other."""
    connection, waits = HTTPConnection("127.0.0.1", port, timeout=60), []
    for turn in range(200):
        headers = {"Host": "localhost", "Authorization": f"Token {next(secrets)}", "Content-Type": "application/json"}
        body = json.dumps({"value": 1 if turn % 2 else -1})
        began = time.perf_counter()
        connection.request("PUT", f"/api/v1/contributions/{numbers[turn % len(numbers)]}/vote/", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status not in {200, 201}:
            raise SystemExit(f"a vote was answered {answer.status}: {said[:300]!r}")
        waits.append(time.perf_counter() - began)
    return waits


def submissions(port: int, secret: str) -> list[float]:
    """The seconds of each of five submissions of a patch of 10 MB."""
    from bench.community.loading import diff_of

    patch, waits = diff_of(110_000)[0][: 10 * 2**20 - 4096], []
    for turn in range(5):
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        mark = f"bench-{turn}"
        fields = {"component": "component-1", "release": "8.0", "kind": "refinement", "title": f"Ten megabytes {turn}"}
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        head = f'--{mark}\r\nContent-Disposition: form-data; name="patch"; filename="big.patch"\r\n\r\n'
        body = ("".join(parts) + head).encode() + b"%d\n" % turn + patch + f"\r\n--{mark}--\r\n".encode()
        headers = {
            "Host": "localhost", "Authorization": f"Token {secret}",
            "Content-Type": f"multipart/form-data; boundary={mark}",
        }  # fmt: skip
        began = time.perf_counter()
        connection.request("POST", "/api/v1/contributions/", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status not in {201, 202}:
            raise SystemExit(f"the patch was answered {answer.status}: {said[:300]!r}")
        waits.append(time.perf_counter() - began)
    return waits


def serve(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:portal.gunicorn", "--access-logfile", "/dev/null"]
    server = subprocess.Popen([*command, "portal.wsgi"], cwd=ROOT, env=os.environ | {"PORT": str(port)})
    for _ in range(200):
        try:
            ask(port, "/floor/bare/", {}, 0.01)
        except OSError:
            time.sleep(0.1)
        else:
            return server
    raise SystemExit("gunicorn did not come up")


def report(asked: Mapping[str, Asked], figures: Mapping[str, Figures]) -> None:
    for name, what in asked.items():
        found = figures[name]
        ratio = (
            f"  {found.rate / figures[what.floor].rate:5.2f} of “{what.floor}”, aim {what.aim:.2f}"
            if what.floor
            else ""
        )
        waits = f"p50 {found.wait(0.5) * 1000:6.1f} ms  p99 {found.wait(0.99) * 1000:6.1f} ms"
        print(f"web: {name:<34} {found.rate:8.1f}/s  {waits}  {found.queries:3} queries{ratio}")


def run(size: int) -> dict[str, float]:
    """One size, in a process of its own."""
    var = tempfile.mkdtemp(prefix="patchbay-bench-")
    port = free_port()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "bench.floors.settings", "PATCHBAY_VAR": var, "PORT": str(port),
        "PATCHBAY_WEB_WORKERS": "2", "PATCHBAY_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    import django
    from django.core.management import call_command

    django.setup()
    server = None
    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        from bench.community.loading import Size, load

        loaded = load(Size.of(size))
        secrets, targets = tokens(), to_vote_on()
        from django.db import connection

        connection.close()
        print(
            f"web: {size:,} contributions, loaded in {loaded.seconds:.0f} s; gunicorn with 2 workers, {CLIENTS} clients"
        )
        server = serve(port)
        asked = {name: Asked(path) for name, path in FLOORS.items()} | asked_of(loaded)
        figures = measured(port, asked)
        count_queries(asked, figures)
        report(asked, figures)
        for name, waits in (
            ("vote", votes(port, cycle(secrets), targets)),
            ("submit 10 MB", submissions(port, secrets[0])),
        ):
            waits.sort()
            print(f"web: {name:<34} p50 {waits[len(waits) // 2] * 1000:6.1f} ms  p99 {waits[-1] * 1000:6.1f} ms")
        return {name: found.rate for name, found in figures.items()}
    finally:
        if server:
            server.terminate()
            server.wait(20)
        call_command("stop")
        shutil.rmtree(var, ignore_errors=True)


def main(sizes: list[int]) -> None:
    rates = {}
    for size in sizes:
        with ProcessPoolExecutor(1) as apart:
            rates[size] = apart.submit(run, size).result()
    if len(sizes) > 1:
        small, large = min(sizes), max(sizes)
        for name, rate_there in rates[large].items():
            floor = rates[large][ROWS] / rates[small][ROWS]  # how much slower the machine itself was
            print(f"web: {name:<34} {rate_there / rates[small][name] / floor:5.2f} of its rate with {small:,}")
    print(
        "web: json "
        + json.dumps({size: {name: round(rate, 1) for name, rate in found.items()} for size, found in rates.items()})
    )


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(SIZES))
