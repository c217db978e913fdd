"""Two workers on two hosts that share database, broker and storage: one loses its network, the other takes over.

The hosts are network namespaces; database and broker, which listen on sockets of the file system, are reached from
there by TCP through a relay, as they would be in a network.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.db import connection

from contributions.models import Build, Component, Event, Person

from .conftest import Crew, wait_for
from .test_faults import fresh, is_over, patch, running_build, sandboxes, share, slow_recipe  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip"), reason="Only root, with iproute2's ip, makes hosts of namespaces."
    ),
]
CHUNK = 1 << 16
QUICK = "tcp_user_timeout=3000&keepalives_idle=1&keepalives_interval=1&connect_timeout=2"  # to notice a cut


class Relay:
    """Carries TCP connections on `address` to a socket of the file system."""

    def __init__(self, address: str, path: str) -> None:
        self.path = path
        self.listening = socket.create_server((address, 0))
        self.open: list[socket.socket] = []
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self.listening.accept()
                answerer = socket.socket(socket.AF_UNIX)
                answerer.connect(self.path)
                self.open += [caller, answerer]
                for source, sink in ((caller, answerer), (answerer, caller)):
                    threading.Thread(target=carry, args=(source, sink), daemon=True).start()

    def close(self) -> None:
        """Of a host that was cut off nobody else would ever close what it had open."""
        for each in (self.listening, *self.open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Host:
    """A network namespace, joined to ours by one cable."""

    def __init__(self, number: int) -> None:
        self.name = f"pb{os.getpid() % 10_000}-{number}"
        self.cable, self.inner = f"{self.name}a", f"{self.name}b"
        self.ours = f"10.213.{number}.1"
        ip("netns", "add", self.name)
        ip("link", "add", self.cable, "type", "veth", "peer", "name", self.inner, "netns", self.name)
        ip("address", "add", f"{self.ours}/30", "dev", self.cable)
        ip("link", "set", self.cable, "up")
        for words in (
            ("address", "add", f"10.213.{number}.2/30", "dev", self.inner),
            ("link", "set", self.inner, "up"),
            ("link", "set", "lo", "up"),
        ):
            ip("-n", self.name, *words)

    def cut(self) -> None:
        ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        ip("link", "set", self.cable, "up")

    def remove(self) -> None:
        ip("netns", "delete", self.name)


@pytest.fixture
def hosts(crew: Crew) -> Iterator[list[tuple[Host, dict[str, str], tuple[str, ...]]]]:
    """Two hosts, each with the environment and the command by which a worker is started on it."""
    given = connection.settings_dict
    address = given | (given["SERVER"].address if given.get("SERVER") else {})
    if not address["HOST"].startswith("/"):
        pytest.skip("The database is reached by TCP already, from an address that a namespace cannot use.")
    with ExitStack() as stack:
        made = []
        for number in (1, 2):
            host = Host(number)
            stack.callback(host.remove)
            database = Relay(host.ours, f"{address['HOST']}/.s.PGSQL.{address['PORT']}")
            broker = Relay(host.ours, crew.valkey.url.removeprefix("redis+socket://").partition("?")[0])
            stack.callback(database.close)
            stack.callback(broker.close)
            url = f"postgresql://{address['USER']}@{host.ours}:{database.port}/{quote(given['NAME'])}?{QUICK}"
            environment = crew.environment | {
                "DATABASE_URL": url,
                "CELERY_BROKER_URL": f"redis://{host.ours}:{broker.port}/0",
            }
            made.append((host, environment, ("ip", "netns", "exec", host.name)))
        yield made


@pytest.mark.usefixtures("slow_recipe")
def test_a_host_cut_off_in_the_middle_of_a_build_is_replaced_and_not_heard_afterwards(
    crew: Crew,
    hosts: list[tuple[Host, dict[str, str], tuple[str, ...]]],
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
) -> None:
    crew.start_beat()
    (first, environment, within), (_, other_environment, other_within) = hosts
    crew.environment, crew.within = environment, within
    crew.start_worker()
    share(author, component, patch)
    build = running_build()
    assert len(sandboxes()) == 1
    first.cut()
    crew.environment, crew.within = other_environment, other_within
    second = crew.start_worker()
    wait_for(lambda: is_over(build), "the other host to build it")
    assert (build.state, build.attempts) == ("passed", 2)
    wait_for(lambda: not sandboxes(), "the cut-off host to have ended its own attempt", seconds=20)
    first.mend()
    crew.kill(second)
    again = share(author, component, patch)
    wait_for(lambda: fresh(again).green_count == 1, "the first host to work again")
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1
    assert (fresh(build).state, build.attempts, build.artifacts.count()) == ("passed", 2, 1)
    assert Build.objects.count() == 2
