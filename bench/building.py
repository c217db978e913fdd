"""Builds through the real worker, and what they cost beside the bare commands.

    python bench/building.py [BUILDS]

Starts a database, a broker, a builder with two processes and gunicorn of its own. Upstream is a made-up component of
2,000 files (24 MB); the patch changes three of them. Figures: builds a minute against the bare command run two side by
side, the time from a claim to the first line of the first step, a log of 100 MB, and pages during a build that burns
all the processor time it gets.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # and not this directory, where a bench has the name of a library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.models import Build

FILES, DIRECTORIES, LINES = 2000, 100, 300
AT_ONCE = 2
STEPS_TIMED = 15
LOG_MEGABYTES = 100
LOOPS = 8
# About a second of one processor: what a compiler does, with files read and written.
TRIVIAL = "python3 -m compileall -q -f part000 part001 part002 part003 part004 part005"
EMPTY = "true"
FIRST_LINE = "date +%s.%N"
FLOOD = f"yes 'a line of a build that has much to say' | head -c {LOG_MEGABYTES << 20}"
BURN = f"for n in $(seq {LOOPS}); do (while :; do :; done) & done; sleep 20; kill %1 || true"
SEED = 7


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def git(tree: Path, *arguments: str) -> str:
    who = {f"GIT_{role}_{part}": "bench@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **who}
    command = ["git", "-C", str(tree), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def write_upstream(tree: Path) -> bytes:
    """Plain Python in directories, as a component has it; answers a patch to three files."""
    rng = random.Random(SEED)
    words = [f"word{n}" for n in range(500)]
    for number in range(FILES):
        path = tree / f"part{number % DIRECTORIES:03}" / f"module{number:04}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"{rng.choice(words)}_{line} = {rng.random()!r}  # {rng.choice(words)}\n" for line in range(LINES))
        path.write_text("".join(lines))
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "Begin")
    git(tree, "tag", "-a", "1.0", "-m", "1.0")
    for number in (0, 7, 700):
        path = tree / f"part{number % DIRECTORIES:03}" / f"module{number:04}.py"
        path.write_text("mended = True\n" + path.read_text())
    git(tree, "commit", "-q", "-a", "-m", "Mend three modules")
    patch = git(tree, "format-patch", "--stdout", "-1").encode() + b"\n"
    git(tree, "reset", "-q", "--hard", "1.0")
    return patch


def first_build(upstream: Path, patch: bytes) -> Build:
    """The component, its release, and a patch that was received and fits; its build waits."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from contributions.actions.sources import PatchFile
    from contributions.actions.submitting import submit
    from contributions.models import Build, Component, Fit, Person, Recipe, UpstreamFetch
    from contributions.pipeline import fetching, fitting, receiving

    component = Component.objects.create(
        slug="bench", name="Bench", upstream_url=f"file://{upstream}", release_pattern=r"\d+\.\d+"
    )
    Recipe.objects.create(component=component, build=EMPTY)
    fetching.fetch(UpstreamFetch.objects.create(component=component).pk)
    author = Person.objects.create_user("bench", "bench@example.org", "a long pass phrase")
    source = PatchFile(SimpleUploadedFile("0001.patch", patch))
    contribution = submit(
        author=author, component=component, kind="refinement", title="Mend", release=component.releases.get(),
        source=source,
    )  # fmt: skip
    receiving.receive(contribution.revisions.get().pk)
    fit = Fit.objects.get()
    fitting.fit(fit.pk)
    build = Build.objects.get()
    build.delete()
    return build


def queue(like: Build, script: str, count: int = 1, **recipe: Any) -> list[Build]:
    from django.db.models import Max

    from contributions.models import Build

    last = Build.objects.aggregate(last=Max("serial"))["last"] or 0
    return [
        Build.objects.create(
            revision=like.revision, release=like.release, serial=last + number + 1, commit=like.commit,
            recipe=like.recipe | {"build": script} | recipe, recipe_digest=like.recipe_digest,
        )
        for number in range(count)
    ]  # fmt: skip


def built(rows: list[Build]) -> list[Build]:
    """Ring for them, and wait until all have ended."""
    from contributions.models import Build
    from contributions.tasks import ring

    ring(*rows)
    keys = [row.pk for row in rows]
    while Build.objects.filter(pk__in=keys, finished_at=None).exists():
        time.sleep(0.02)
    ended = list(Build.objects.filter(pk__in=keys).select_related("log").order_by("pk"))
    for row in ended:
        if row.state != "passed":
            raise SystemExit(f"{row} {row.state}: {row.sentence}\n{row.read_log()[-2000:].decode()}")
    return ended


def rate(rows: list[Build]) -> float:
    """Builds a minute, from the first claim to the last verdict."""
    begun = min(row.started_at.timestamp() for row in rows if row.started_at)
    ended = max(row.finished_at.timestamp() for row in rows if row.finished_at)
    return 60 * len(rows) / (ended - begun)


def bare_rate(upstream: Path, script: str, count: int) -> float:
    """The same command run two side by side on trees that are there already."""
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(AT_ONCE) as pool:
        trees = [Path(place, str(number)) for number in range(AT_ONCE)]
        for tree in trees:
            shutil.copytree(upstream, tree, ignore=shutil.ignore_patterns(".git"))

        def run(number: int) -> None:
            subprocess.run(["/bin/sh", "-eu", "-c", script], cwd=trees[number % AT_ONCE], check=True, env=BARE)

        begun = time.perf_counter()
        list(pool.map(run, range(count)))
        return 60 * count / (time.perf_counter() - begun)


BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def measure_throughput(like: Build, upstream: Path, count: int) -> dict[str, float]:
    """Floor and ours in turns, so that a slow minute slows both."""
    figures = {}
    for name, script in (("trivial recipe", TRIVIAL), ("empty recipe", EMPTY)):
        floors, ours = [], []
        for _ in range(2):
            floors.append(bare_rate(upstream, script, count))
            ours.append(rate(built(queue(like, script, count))))
        floor, mine = statistics.mean(floors), statistics.mean(ours)
        aim = ", aim 0.85" if script == TRIVIAL else ""
        print(f"building: {name:<36} {mine:8.1f} builds/min   {mine / floor:.2f} of {floor:.1f} bare{aim}")
        figures |= {name: round(mine, 1), f"{name}, bare": round(floor, 1)}
    return figures


def measure_first_step(like: Build, upstream: Path) -> dict[str, float]:
    """From the claim, by the database's clock, to the first line, by the jail's: the same clock on one machine."""
    cold, *rows = (built(queue(like, FIRST_LINE))[0] for _ in range(STEPS_TIMED + 1))
    warm = [_until_first_line(row) for row in rows]
    median, high = statistics.median(warm), percentile(warm, 0.95)
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        git(Path(place), "clone", "-q", "--shared", str(upstream), "clone")
        clone = (time.perf_counter() - begun) * 1000
    print(f"building: {'claim to first step, first of a release':<36} {_until_first_line(cold):8.0f} ms")
    print(
        f"building: {'claim to first step, warm':<36} {median:8.0f} ms   p95 {high:.0f}, best {min(warm):.0f}, aim 150"
    )
    print(f"building: {'a shared clone with checkout':<36} {clone:8.0f} ms   (floor of the way it was)")
    return {"first step": round(median, 1), "first step p95": round(high, 1), "shared clone": round(clone, 1)}


def _until_first_line(row: Build) -> float:
    """Milliseconds."""
    line = next(line for line in row.read_log().decode().splitlines() if line[:1].isdigit())
    return (float(line) - row.started_at.timestamp()) * 1000 if row.started_at else math.nan


def measure_log(like: Build, worker: subprocess.Popen[bytes]) -> dict[str, float]:
    before = _memory(worker.pid, "VmHWM")
    row = built(queue(like, FLOOD))[0]
    peak = _memory(worker.pid, "VmHWM")
    seconds = row.seconds or math.nan
    kept = row.log.size if row.log else 0
    with subprocess.Popen(["/bin/sh", "-c", FLOOD], stdout=subprocess.PIPE) as plain:
        begun = time.perf_counter()
        while plain.stdout and plain.stdout.read(1 << 16):
            pass
        floor = time.perf_counter() - begun
    print(
        f"building: a log of {LOG_MEGABYTES} MB: {seconds:.1f} s ({floor:.1f} s to read it from a pipe), "
        f"{kept / 2**20:.1f} MB kept, the worker's processes peak at {peak / 1024:.0f} MB "
        f"(before {before / 1024:.0f}, aim below 150)"
    )
    return {"log seconds": round(seconds, 1), "worker peak MB": round(peak / 1024)}


def _memory(pid: int, field: str) -> int:
    """The largest of the worker's processes, in KiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    sizes = []
    for each in (str(pid), *children):
        with suppress(OSError):
            lines = Path(f"/proc/{each}/status").read_text().splitlines()
            sizes += [int(line.split()[1]) for line in lines if line.startswith(f"{field}:")]
    return max(sizes)


def measure_pages(like: Build, port: int) -> dict[str, float]:
    """Milliseconds of one page asked for again and again, while nothing builds and while a build burns."""
    idle = _answers(port, 10)
    burning = threading.Thread(target=lambda: built(queue(like, BURN)))
    burning.start()
    time.sleep(3)
    busy = _answers(port, 10)
    burning.join()
    calm, burnt = percentile(idle, 0.95), percentile(busy, 0.95)
    print(
        f"building: contribution list, p95: {burnt:.1f} ms during {LOOPS} loops in a build, {calm:.1f} ms without: "
        f"{burnt / calm:.2f} times (aim below 2)"
    )
    return {"page p95 idle": round(calm, 1), "page p95 burning": round(burnt, 1)}


def _answers(port: int, seconds: float) -> list[float]:
    connection, times = HTTPConnection("127.0.0.1", port, timeout=30), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begun = time.perf_counter()
        connection.request("GET", "/contributions/", headers={"Host": "localhost"})
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise SystemExit(f"the page answered {answer.status}")
        time.sleep(0.01)
    return times


@contextmanager
def running(arguments: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with Path(os.environ["PATCHBAY_VAR"], "bench.log").open("ab") as log:
        command = [sys.executable, "-m", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def wait_for_page(port: int) -> None:
    for _ in range(300):
        with suppress(OSError):
            _answers(port, 0.01)
            return
        time.sleep(0.1)
    raise SystemExit("gunicorn did not come up")


def measure(place: Path, count: int) -> dict[str, float]:
    from django.conf import settings

    upstream = place / "upstream"
    upstream.mkdir()
    like = first_build(upstream, write_upstream(upstream))
    builder = ["celery", "--app", "portal", "worker", "--queues", "builds", "--concurrency", str(AT_ONCE)]
    with ExitStack() as site:
        worker = site.enter_context(
            running([*builder, "--without-gossip", "--without-mingle", "--loglevel", "WARNING"])
        )
        site.enter_context(
            running(["gunicorn", "--config", "python:portal.gunicorn", "--access-logfile", "/dev/null", "portal.wsgi"])
        )
        wait_for_page(settings.WEB_PORT)
        built(queue(like, EMPTY, 4))  # both processes have proven the sandbox and met the database
        shutil.rmtree(settings.RELEASES_DIR)
        figures = measure_first_step(like, upstream)
        figures |= measure_throughput(like, upstream, count)
        figures |= measure_log(like, worker)
        return figures | measure_pages(like, settings.WEB_PORT)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings", "PATCHBAY_VAR": str(place / "var"), "PORT": str(free_port()),
            "PATCHBAY_WEB_WORKERS": "2", "PATCHBAY_LOG_LEVEL": "WARNING", "PATCHBAY_ALLOW_PRIVATE_UPSTREAMS": "1",
            "PATCHBAY_BUILDS_AT_ONCE": str(AT_ONCE),
        }  # fmt: skip
        (place / "var").mkdir()
        import django
        from django.core.management import call_command

        django.setup()
        from django.conf import settings

        from portal.services.valkey import Valkey

        try:
            Valkey(settings.VAR_DIR).ensure()
            call_command("migrate", verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
            print(f"building: a component of {FILES:,} files, {AT_ONCE} builds at once, {os.cpu_count()} processors")
            print("building: json " + json.dumps(measure(place, count)))
        finally:
            call_command("stop")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
