"""What an upload of a gigabyte costs the web process: its memory and its time, by page and by REST.

    python bench/uploads.py [MEGABYTES]

Starts a database of its own and gunicorn with one worker as the site runs it. The floor is a copy of as many bytes on
the same disk, synced, as the portal does it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # and not this directory, where a bench has the name of a library

MEGABYTE = 1 << 20
BOUNDARY = "bench-of-uploads"
MOST_GROWTH = 64  # megabytes that the process may grow by, whatever is sent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Memory:
    """The largest resident size of gunicorn and its worker while the block lasts, in megabytes."""

    def __init__(self, pid: int) -> None:
        self.process, self.peak, self._over = psutil.Process(pid), 0.0, threading.Event()
        self.before = self._now()

    def _now(self) -> float:
        workers = self.process.children(recursive=True)
        return max((worker.memory_info().rss for worker in workers), default=0) / MEGABYTE

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.peak = max(self.peak, self._now())

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def form(fields: dict[str, str], name: str) -> tuple[bytes, bytes]:
    """What comes before the file and what comes behind it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    parts.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="artifact"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


def pieces(head: bytes, tail: bytes, megabytes: int, seed: int) -> Iterator[bytes]:
    block = bytes([seed]) + os.urandom(MEGABYTE - 1)
    yield head
    for _ in range(megabytes):
        yield block
    yield tail


def send(port: int, path: str, headers: dict[str, str], fields: dict[str, str], size: tuple[int, int]) -> int:
    """POST the form; `size` is how many megabytes are promised and how many are sent before the line is cut."""
    promised, sent = size
    head, tail = form(fields, f"file{promised}.bin")
    length = len(head) + promised * MEGABYTE + len(tail)
    given = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(length)}
    connection = HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("POST", path, pieces(head, tail if sent == promised else b"", sent, len(path)), headers | given)
    status = connection.getresponse().status if sent == promised else 0
    connection.close()
    return status


def prepare() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Headers for each way in, and the fields of the form."""
    from django.core.management import call_command
    from django.test import Client

    from contributions.models import ApiToken, Component, Person, Release

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    person = Person.objects.create_user("uploader")
    component = Component.objects.create(slug="tools", name="Tools", upstream_url="https://git.example.org/tools.git")
    Release.objects.create(component=component, name="1.0", slug="tools-1.0", ref="1.0", commit="0" * 40, position=1)
    secret = ApiToken.make_secret()
    ApiToken.objects.create(
        person=person, name="bench", prefix=secret[:8], digest=ApiToken.digest_of(secret), scopes=["write", "read"]
    )
    client = Client()
    client.force_login(person)
    proof = "a" * 32
    cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={proof}"
    ways = {
        "/api/v1/contributions/": {"Authorization": f"Token {secret}"},
        "/submit/": {"Cookie": cookies, "X-CSRFToken": proof},
    }
    return ways, {"component": "tools", "kind": "executable", "title": "A large file"}


def floor(place: Path, megabytes: int) -> float:
    begun = time.perf_counter()
    with (place / "floor").open("wb") as target:
        for piece in pieces(b"", b"", megabytes, 0):
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    (place / "floor").unlink()
    return time.perf_counter() - begun


def measure(place: Path, megabytes: int, site: tuple[subprocess.Popen[bytes], int], ways: Any, fields: Any) -> bool:
    (server, port), flat = site, True
    print(f"uploads: {'a copy on the same disk, synced':<40} {floor(place, megabytes):6.1f} s")
    for path, headers in ways.items():
        release = {"release": "1.0" if path.startswith("/api") else "tools-1.0"}
        for _ in range(3):
            send(port, path, headers, fields | release, (1, 1))
        with Memory(server.pid) as memory:
            begun = time.perf_counter()
            status = send(port, path, headers, fields | release, (megabytes, megabytes))
            seconds = time.perf_counter() - begun
        flat = flat and status in {201, 302} and memory.peak - memory.before < MOST_GROWTH
        told = f"{megabytes} MB to {path}, answered {status}"
        print(
            f"uploads: {told:<40} {seconds:6.1f} s   memory {memory.before:.0f} MB before, {memory.peak:.0f} MB at most"
        )
        send(port, path, headers, fields | release, (megabytes, megabytes // 2))
    time.sleep(2)
    left = [file.name for file in (place / "uploads").iterdir()]
    print(f"uploads: files left behind by connections that were cut: {len(left)}")
    return flat and not left


def serve(place: Path, port: int) -> subprocess.Popen[bytes]:
    log = (place / "gunicorn.log").open("wb")
    command = [sys.executable, "-m", "gunicorn", "--config", "python:portal.gunicorn", "portal.wsgi"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.1)
    raise SystemExit((place / "gunicorn.log").read_text())


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    place, port = Path(tempfile.mkdtemp(prefix="patchbay-bench-")), free_port()
    (place / "uploads").mkdir()
    os.environ |= {
        "PATCHBAY_VAR": str(place / "var"),
        "PATCHBAY_MAX_ARTIFACT_BYTES": str(2 * megabytes * MEGABYTE),
        "PATCHBAY_WEB_WORKERS": "1",
        "PORT": str(port),
        "TMPDIR": str(place / "uploads"),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    import django

    django.setup()
    from django.conf import settings

    server = None
    try:
        ways, fields = prepare()
        server = serve(place, port)
        ok = measure(place, megabytes, (server, port), ways, fields)
        print(f"uploads: {'flat' if ok else 'NOT FLAT'}: within {MOST_GROWTH} MB of what the process had before")
    finally:
        if server is not None:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
        settings.DATABASES["default"]["SERVER"].stop()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
