"""Three hundred contributions from eight clients while workers, broker and database are killed at random.

    make soak            ten minutes of kills, then as long as it takes to settle
    make soak MINUTES=1 CONTRIBUTIONS=40

Starts `manage.py run` in a directory of its own. Afterwards every contribution that was answered has its verdicts, each
revision and release exactly one build with a final state, and nothing of a build is left running. Exit code 1 if not.
"""

from __future__ import annotations

import difflib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

MINUTES = float(os.environ.get("MINUTES", "10"))
CONTRIBUTIONS = int(os.environ.get("CONTRIBUTIONS", "300"))
CLIENTS = 8
RELEASES = ("1.0", "2.0")
SETTLE_SECONDS = 900
PAUSE = (4.0, 12.0)  # seconds between two kills
VERSES = 400
BOUNDARY = "soak-0123456789"
SOON = 0.2
GIT = {
    "GIT_AUTHOR_NAME": "Upstream", "GIT_AUTHOR_EMAIL": "upstream@example.org", "GIT_COMMITTER_NAME": "Upstream",
    "GIT_COMMITTER_EMAIL": "upstream@example.org", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": os.environ["PATH"],
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Site:
    """The site as its operator runs it, and the means to hurt it."""

    room: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        (self.room / "tmp").mkdir(parents=True)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings", "PATCHBAY_VAR": str(self.room / "var"), "PORT": str(self.port),
            "TMPDIR": str(self.room / "tmp"), "PATCHBAY_ALLOW_PRIVATE_UPSTREAMS": "1", "PATCHBAY_LEASE_SECONDS": "8",
            "PATCHBAY_LEASE_RENEW_SECONDS": "2", "PATCHBAY_SWEEP_SECONDS": "2", "PATCHBAY_ATTEMPTS": "50",
            "PATCHBAY_BUILDS_AT_ONCE": "2",
        }  # fmt: skip
        for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
            os.environ.pop(name, None)
        self.log = (self.room / "run.log").open("wb")

    def start(self) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), "run"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, start_new_session=True)
        until(lambda: self.is_ready() or self.has_ended(), "the site to be ready", 180)

    def has_ended(self) -> bool:
        if self.process.poll() is not None:
            raise SystemExit(f"The site ended by itself; see {self.room}/run.log.")
        return False

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["ready"])
        except (OSError, ValueError):
            return False

    def parts(self) -> dict[str, list[int]]:
        """Process ids by part: parents and children of workers, the broker, the database."""
        mark = f"PATCHBAY_VAR={self.room / 'var'}\0".encode()
        found: dict[str, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                ours = mark in (entry / "environ").read_bytes() + b"\0"
                where = str((entry / "cwd").resolve())
            except OSError:
                continue
            pid = int(entry.name)
            if where == str(self.room / "var" / "postgres"):
                found.setdefault("database", []).append(pid)
            elif where == str(self.room / "var" / "valkey"):
                found.setdefault("broker", []).append(pid)
            elif ours and "--hostname" in line:
                name = line.partition("--hostname ")[2].partition("@")[0]
                kind = "parent" if is_leader(pid) else "child"
                found.setdefault(f"{name} {kind}", []).append(pid)
        return found

    def hurt(self, dice: random.Random) -> str:
        """Kill -9 of one thing at random; its name."""
        parts = self.parts()
        if not parts:
            return "nothing was there"
        name = dice.choice(sorted(parts))
        victims = (
            parts[name] if name in {"database", "broker"} or name.endswith("parent") else [dice.choice(parts[name])]
        )
        for pid in victims:
            with_no_regret(pid)
        return name

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        subprocess.run([sys.executable, str(ROOT / "manage.py"), "stop"], check=False, capture_output=True)


def is_leader(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def with_no_regret(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def until(holds: Any, what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(SOON)
    raise SystemExit(f"Waited {seconds:.0f} seconds in vain for {what}.")


def song(changed: int = 0, words: str = "") -> str:
    return "".join(f"{words if n == changed else f'verse {n}'}\n" for n in range(1, VERSES + 1))


def make_upstream(place: Path) -> str:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=place, env=GIT, check=True, capture_output=True)

    place.mkdir()
    git("init", "-q", "-b", "main")
    (place / "song.txt").write_text(song())
    for release in RELEASES:
        (place / "version.txt").write_text(f"{release}\n")
        git("add", "-A")
        git("commit", "-q", "-m", f"Release {release}")
        git("tag", release)
    return f"file://{place}"


def patch_of(number: int) -> bytes:
    """A patch that changes one verse, unlike that of every other number."""
    after = song(number % VERSES + 1, f"verse of contribution {number}")
    lines = difflib.unified_diff(
        song().splitlines(keepends=True), after.splitlines(keepends=True), "a/song.txt", "b/song.txt"
    )
    mail = f"From: Client <client@example.org>\nSubject: [PATCH] Sing verse {number}\n\n---\n"
    return (mail + "".join(lines) + "-- \n2\n").encode()


class Lost(Exception):
    """A contribution that was refused or never taken."""


@dataclass
class Client:
    """One customer's machine: sends what it has, and again with the same key until it is answered."""

    site: Site
    token: str
    numbers: list[int]
    deadline: float
    retried: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    made: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def work(self) -> None:
        pause = max((self.deadline - time.monotonic()) / max(len(self.numbers), 1), 0)
        for number in self.numbers:
            begun = time.monotonic()
            try:
                self.made[number] = self.send(number)
            except Lost as lost:
                self.faults.append(str(lost))
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(max(pause - (time.monotonic() - begun), 0))

    def send(self, number: int) -> int:
        end = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < end:
            try:
                return self.post(number)
            except urllib.error.HTTPError as problem:
                with problem:
                    self.retried[str(problem.code)] += 1
                    if problem.code < 500 and problem.code not in {409, 429}:
                        raise Lost(f"Contribution {number} was refused: {problem.read().decode()}") from None
            except (OSError, ValueError) as problem:
                self.retried[type(problem).__name__] += 1
            time.sleep(0.5)
        raise Lost(f"Contribution {number} was never taken.")

    def post(self, number: int) -> int:
        fields = {"component": "song", "kind": "refinement", "release": "1.0", "title": f"Sing verse {number}"}
        body = b"".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        )
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="patch"; filename="{number}.patch"\r\n\r\n'
        body += head.encode() + patch_of(number) + f"\r\n--{BOUNDARY}--\r\n".encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.site.port}/api/v1/contributions/",
            data=body,
            headers={
                "Authorization": f"Token {self.token}", "Idempotency-Key": f"soak-{number}",
                "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            },
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own site
            return int(json.load(answer)["number"])


def settle_in(site: Site) -> list[str]:
    """Component, releases, recipe and people; the tokens of the clients."""
    import django

    django.setup()
    from django.conf import settings

    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # of this process: it makes the tokens
    from contributions.actions.issuing import make_token
    from contributions.actions.maintaining import add_component, set_recipe
    from contributions.models import Component, Person

    component = add_component(
        slug="song", name="Song", upstream_url=make_upstream(site.room / "upstream"), release_pattern=r"\d+\.\d+"
    )
    set_recipe(
        component=component,
        recipe={
            "build": "mkdir dist\ncp song.txt dist/song-$VERSION.txt\nsleep 0.1",
            "test": "grep -q contribution song.txt",
            "environment": {"VERSION": "{release}+patchbay.{build}"},
            "artifact_patterns": ["dist/*.txt"],
            "wall_seconds": 60,
            "memory_mb": 256,
        },
    )
    until(lambda: Component.objects.get().releases.count() == len(RELEASES), "the releases", 120)
    people = [Person.objects.create_user(f"client-{n}", f"client-{n}@example.org") for n in range(CLIENTS)]
    return [make_token(person=person, name="soak", scopes=["read", "write"], days=1)[1] for person in people]


def patiently(ask: Any) -> Any:
    """The answer of the database, however often it is away."""
    from django.db import DatabaseError, connection

    while True:
        try:
            return ask()
        except DatabaseError:
            connection.close()
            time.sleep(SOON)


def is_settled() -> bool:
    from contributions.models import Attestation, Build, Contribution, Fit, Revision

    if Contribution.objects.count() < CONTRIBUTIONS:
        return False
    waiting = ("queued", "running")
    works = (Revision, Fit, Build, Attestation)
    if any(model.objects.filter(state__in=waiting).exists() for model in works):
        return False
    return bool(Build.objects.exclude(revision=None).count() >= CONTRIBUTIONS * len(RELEASES))


def faults_found(clients: list[Client]) -> list[str]:
    """Everything that is not as it must be, in sentences."""
    from django.db.models import Count

    from contributions.models import Artifact, Attestation, Build, Contribution, Event, Fit, LogPiece, Revision

    found = [fault for client in clients for fault in client.faults]

    def expect(what: str, seen: object, wanted: object) -> None:
        if seen != wanted:
            found.append(f"{what}: {seen}, not {wanted}")

    answered = {number: pk for client in clients for number, pk in client.made.items()}
    titles = dict(Contribution.objects.values_list("pk", "title"))
    expect("contributions", len(titles), CONTRIBUTIONS)
    expect(
        "answers that name another contribution",
        [n for n, pk in answered.items() if titles.get(pk) != f"Sing verse {n}"],
        [],
    )
    expect("states of revisions", counted(Revision), {"received": CONTRIBUTIONS})
    pairs = CONTRIBUTIONS * len(RELEASES)
    expect("states of fits", counted(Fit), {"applies": pairs})
    expect("states of builds", counted(Build), {"passed": pairs})
    doubled = Build.objects.values("revision", "release").annotate(times=Count("pk")).filter(times__gt=1)
    expect("pairs built on record more than once", doubled.count(), 0)
    built = Event.objects.filter(verb="built")
    expect("lines of the history on builds", (built.count(), built.values("build").distinct().count()), (pairs, pairs))
    expect("lines on what was received", Event.objects.filter(verb="received").count(), CONTRIBUTIONS)
    expect("artifacts", (Artifact.objects.count(), Artifact.objects.values("build").distinct().count()), (pairs, pairs))
    expect("builds without a stored log", Build.objects.filter(log=None).count(), 0)
    expect("pieces of logs left over", LogPiece.objects.count(), 0)
    expect("attestations", counted(Attestation), {"signed": pairs})
    expect("standings that miss a green build", Contribution.objects.exclude(green_count=len(RELEASES)).count(), 0)
    expect("processes of builds left", jailed(), 0)
    return found


def counted(model: Any) -> dict[str, int]:
    from django.db.models import Count

    return dict(model.objects.values_list("state").annotate(Count("pk")).order_by())


def jailed() -> int:
    return sum(1 for entry in Path("/proc").glob("[0-9]*/cmdline") if b"/inside.py" in read(entry))


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def soak(site: Site) -> int:
    dice = random.Random(11)
    site.start()
    tokens = settle_in(site)
    begun = time.monotonic()
    end = begun + MINUTES * 60
    shares = [list(range(n, CONTRIBUTIONS, CLIENTS)) for n in range(CLIENTS)]
    clients = [Client(site, token, share, begun + MINUTES * 54) for token, share in zip(tokens, shares, strict=True)]
    threads = [threading.Thread(target=client.work, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    kills: Counter[str] = Counter()
    away, longest = None, 0.0
    next_kill = time.monotonic() + dice.uniform(*PAUSE)
    while time.monotonic() < end:
        site.has_ended()
        if time.monotonic() >= next_kill:
            kills[site.hurt(dice)] += 1
            next_kill = time.monotonic() + dice.uniform(*PAUSE)
        ready = site.is_ready()
        away = None if ready else away or time.monotonic()
        longest = max(longest, time.monotonic() - away if away else 0.0)
        time.sleep(SOON)
    for thread in threads:
        thread.join(SETTLE_SECONDS)
    if any(client.faults for client in clients):
        raise SystemExit("\n".join(fault for client in clients for fault in client.faults))
    until(lambda: patiently(is_settled), "everything to be judged and built", SETTLE_SECONDS)
    settled = time.monotonic() - end
    until(lambda: jailed() == 0, "the last jail to end", 30)
    faults = patiently(lambda: faults_found(clients))
    show(clients, kills, longest, settled)
    for fault in faults:
        print("FAULT ", fault)
    return 1 if faults else 0


def show(clients: list[Client], kills: Counter[str], longest: float, settled: float) -> None:
    from django.db.models import Sum

    from contributions.models import Build, Fit, Revision

    attempts = {
        m.__name__: m.objects.aggregate(n=Sum("attempts"))["n"] - m.objects.count() for m in (Revision, Fit, Build)
    }
    retried = sum((client.retried for client in clients), Counter())
    told = ", ".join(f"{times} x {what}" for what, times in kills.most_common())
    slowest = max(client.slowest for client in clients)
    print(f"{sum(kills.values())} kills in {MINUTES:g} minutes: {told}")
    print(f"{sum(len(client.made) for client in clients)} contributions of {CLIENTS} clients, each answered once")
    print(f"requests sent again: {dict(retried) or 'none'}; the longest wait for an answer {slowest:.1f} s")
    print(f"work begun again after a kill: {attempts}; all builds on record: {Build.objects.count()}")
    print(f"longest time not ready {longest:.1f} s; settled {settled:.0f} s after the last kill")


def main() -> int:
    room = Path(tempfile.mkdtemp(prefix="patchbay-soak-"))
    site = Site(room)
    try:
        code = soak(site)
    finally:
        site.stop()
        site.log.close()
    if code == 0:
        shutil.rmtree(room, ignore_errors=True)
    else:
        print(f"What the site said is in {room}.")
    return code


if __name__ == "__main__":
    sys.exit(main())
