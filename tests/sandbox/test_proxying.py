"""A job with a network has one way out: the worker's proxy, to the hosts that the operator named, never back inside."""

from __future__ import annotations

import base64
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from contributions.errors import Invalid
from contributions.sandbox import Limits, Network, Verdict
from contributions.sandbox.proxying import Ledger
from contributions.sandbox.requests import BadRequest, read_request
from contributions.sandbox.ways import Refused, find_way, read_rule
from tests.sandbox.jailing import LIMITS, Jailer, unjailed, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
GO = "    print('answer', urllib.request.urlopen('{url}', timeout=5).read())"
# What a client says is printed, whatever it is: the answer, or why there was none.
ASK = (
    "python3 - <<'END'\nimport urllib.request\ntry:\n{go}\nexcept Exception as fault:\n    print('fault', fault)\nEND\n"
)
# The same by hand, for what no honest client would ask.
SAY = """
python3 - <<'END'
import socket
way = socket.create_connection(("127.0.0.1", 3128), 5)
way.sendall({words!r})
print("answer", way.recv(4096))
END
"""


@dataclass
class Server:
    """Answers each connection with `answer`, in a thread of its own; `heard` is what they began with."""

    answer: Callable[[socket.socket], None] = lambda end: end.sendall(HELLO)
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                end = self._socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._meet, args=[end], daemon=True).start()

    def _meet(self, end: socket.socket) -> None:
        with end:
            end.settimeout(10)
            try:
                self.heard.append(end.recv(4096))
                self.answer(end)
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def serving(answer: Callable[[socket.socket], None] | None = None) -> Iterator[Server]:
    server = Server(answer) if answer else Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def ask(url: str) -> str:
    return ASK.format(go=GO.format(url=url))


def named(server: Server, **given: Any) -> Network:
    """The operator lets jobs go to this server, and to it alone, by the name files.test."""
    return Network(hosts=(f"files.test:{server.port}=127.0.0.1",), **given)


def test_a_named_host_is_reached_and_that_is_told_in_the_log(jail: Jailer, server: Server) -> None:
    jailed = jail(ask(f"http://files.test:{server.port}/song?verse=1"), network=named(server))
    assert "answer b'hello'" in jailed.log
    assert f"network: files.test:{server.port} was let through to 127.0.0.1\n" in jailed.log
    head = server.heard[0].decode()
    assert head.startswith("GET /song?verse=1 HTTP/1.1\r\n")
    assert f"Host: files.test:{server.port}\r\n" in head
    assert "Connection: close\r\n" in head


def test_a_tunnel_passes_bytes_both_ways(jail: Jailer) -> None:
    with serving(lambda end: end.sendall(b"heard " + end.recv(100))) as server:
        script = f"""
python3 - <<'END'
import socket
way = socket.create_connection(("127.0.0.1", 3128), 5)
way.sendall(b"CONNECT files.test:{server.port} HTTP/1.1\\r\\n\\r\\n")
assert way.recv(100).startswith(b"HTTP/1.1 200 "), "no tunnel"
for verse in (b"one", b"two"):
    way.sendall(verse)
    import time; time.sleep(0.2)
print("answer", way.recv(100))
END
"""
        jailed = jail(script, network=named(server))
    assert "answer b'heard two'" in jailed.log
    assert server.heard == [b"one"]


def test_without_a_network_there_is_no_proxy_either(jail: Jailer, server: Server) -> None:
    log = jail("env; ls /run; " + ask(f"http://files.test:{server.port}/")).log
    assert "PROXY" not in log.upper()
    assert "door" not in log
    assert "fault" in log
    assert not server.heard


@pytest.mark.attack("S16")
def test_a_server_of_this_host_cannot_be_reached_directly(jail: Jailer, server: Server, tmp_path: Path) -> None:
    script = f"""
python3 - <<'END'
import socket
try:
    way = socket.create_connection(("127.0.0.1", {server.port}), 2)
    way.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print("answer", way.recv(100)[:15])
except OSError as fault:
    print("fault", fault)
END
"""
    assert "answer b'HTTP/1.1 200 OK'" in unjailed(script, tmp_path / "control")
    assert len(server.heard) == 1
    log = jail(script, network=Network(allow_private=True)).log
    assert "fault [Errno 111] Connection refused" in log
    assert len(server.heard) == 1


@pytest.mark.attack("S16")
@pytest.mark.parametrize("address", ["169.254.169.254", "10.1.2.3", "8.8.8.8"])
def test_no_packet_leaves_the_jail(jail: Jailer, address: str) -> None:
    script = f"""
python3 - <<'END'
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    try:
        socket.socket(socket.AF_INET, kind).connect(("{address}", 80))
        print("connected")
    except OSError as fault:
        print("fault", fault)
END
"""
    log = jail(script, network=Network()).log
    assert log.count("fault [Errno 101] Network is unreachable") == 2


@pytest.mark.attack("S16")
@pytest.mark.parametrize("host", ["169.254.169.254", "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1"])
def test_the_proxy_does_not_lead_back_inside(jail: Jailer, server: Server, host: str) -> None:
    words = f"GET http://{host}:{server.port}/ HTTP/1.1\r\n\r\n".encode()
    script = SAY.format(words=words)
    open_to_all = Network(hosts=(f"*:{server.port}",))
    log = jail(script, network=open_to_all).log
    assert "answer b'HTTP/1.1 403 Forbidden" in log
    assert f"network: {host}:{server.port} was refused: it has no public address.\n" in log
    assert not server.heard


def test_in_development_it_may_lead_inside(jail: Jailer, server: Server) -> None:
    script = SAY.format(words=f"GET http://localhost:{server.port}/ HTTP/1.1\r\n\r\n".encode())
    assert "hello" in jail(script, network=Network(hosts=(f"*:{server.port}",), allow_private=True)).log


def test_a_host_that_is_not_named_is_refused_in_a_sentence(jail: Jailer, server: Server) -> None:
    jailed = jail(ask(f"http://other.test:{server.port}/"), network=named(server))
    assert "fault HTTP Error 403: Forbidden" in jailed.log
    refusal = "it is none of the hosts that PATCHBAY_PREPARE_HOSTS names."
    assert jailed.log.count(f"network: other.test:{server.port} was refused: {refusal}\n") == 1
    assert not server.heard


@pytest.mark.parametrize(("port", "answer"), [(22, "403 Forbidden"), (25, "403 Forbidden"), (None, "200 Connection")])
def test_only_the_ports_that_are_said_are_open(jail: Jailer, server: Server, port: int | None, answer: str) -> None:
    wanted = port or server.port
    words = f"CONNECT files.test:{wanted} HTTP/1.1\r\n\r\n".encode()
    log = jail(SAY.format(words=words), network=named(server)).log
    assert f"answer b'HTTP/1.1 {answer}" in log
    assert (f"was refused: port {port} is not open, only {server.port}." in log) == (port is not None)


def test_what_is_no_request_to_a_proxy_is_refused(jail: Jailer, server: Server) -> None:
    words = b"POST http://files.test/ HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
    assert "answer b'HTTP/1.1 400 Bad Request" in jail(SAY.format(words=words), network=named(server)).log


@pytest.mark.parametrize("then", ["; sleep 50", "; exit 1"])
def test_an_answer_without_end_is_cut_and_the_limit_named(jail: Jailer, then: str) -> None:
    def flood(end: socket.socket) -> None:
        end.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            end.sendall(bytes(1 << 16))

    with serving(flood) as server:
        url = f"http://files.test:{server.port}/"
        limits = replace(LIMITS, network_mb=3, wall_seconds=60, idle_seconds=60)
        script = f"python3 -c \"import urllib.request; urllib.request.urlretrieve('{url}', '/dev/null')\"{then}"
        outcome = jail(script, network=named(server), limits=limits).outcome
    assert outcome.limit
    assert outcome.limit.words == "limit of 3 MB through the network"
    assert outcome.seconds < 30, "the sleep is not waited for"


def test_not_a_byte_more_passes_than_the_limit_says() -> None:
    ledger = Ledger(most_bytes=10)
    assert ledger.count(10)
    assert not ledger.is_spent
    assert not ledger.count(1)
    assert ledger.is_spent


def test_an_answer_below_the_limit_is_whole(jail: Jailer) -> None:
    content = bytes(2 << 20)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content)
    with serving(lambda end: end.sendall(head + content)) as server:
        count = GO.format(url=f"http://files.test:{server.port}/").replace(".read()", ".read().count(0)")
        jailed = jail(ASK.format(go=count), network=named(server), limits=replace(LIMITS, network_mb=3))
    assert f"answer {len(content)}\n" in jailed.log


def test_a_server_that_says_nothing_is_let_go(jail: Jailer) -> None:
    silence, limits = threading.Event(), replace(LIMITS, wall_seconds=60, idle_seconds=60)
    with serving(lambda _: silence.wait(50)) as server:
        network = named(server, idle_seconds=0.5)
        jailed = jail(ask(f"http://files.test:{server.port}/"), network=network, limits=limits)
    silence.set()
    assert f"network: files.test:{server.port} was silent for 0.5 s and was let go\n" in jailed.log
    assert "fault" in jailed.log
    assert jailed.outcome.seconds < 30


def test_a_host_that_is_not_there_is_said_so(jail: Jailer) -> None:
    with serving() as gone:
        pass
    jailed = jail(ask(f"http://files.test:{gone.port}/"), network=named(gone))
    assert "fault HTTP Error 502: Bad Gateway" in jailed.log
    assert f"network: files.test:{gone.port} did not answer: Connection refused\n" in jailed.log


def test_the_proxy_ends_with_the_job(jail: Jailer) -> None:
    ended = threading.Event()

    def wait_for_the_end(end: socket.socket) -> None:
        if not end.recv(1):
            ended.set()
            time.sleep(60)  # and holds its own end open

    with serving(wait_for_the_end) as server:
        script = f"""
python3 - <<'END'
import os, socket, time
way = socket.create_connection(("127.0.0.1", 3128), 5)
way.sendall(b"CONNECT files.test:{server.port} HTTP/1.1\\r\\n\\r\\n")
print(way.recv(100))
way.sendall(b"held")
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
END
"""
        assert jail(script, network=named(server)).outcome.verdict == Verdict.PASSED
        assert ended.wait(2)
    assert wait_until(lambda: not [t for t in threading.enumerate() if t.name in {"proxy", "proxied"}])


def test_many_connections_wait_their_turn(jail: Jailer) -> None:
    with serving() as server:
        each = f"'http://files.test:{server.port}/'"
        script = f"""
python3 - <<'END'
import concurrent.futures, urllib.request
with concurrent.futures.ThreadPoolExecutor(50) as pool:
    answers = list(pool.map(lambda _: urllib.request.urlopen({each}, timeout=9).read(), range(150)))
print("answers", answers.count(b"hello"))
END
"""
        jailed = jail(script, network=named(server), limits=Limits(wall_seconds=20))
    assert "answers 150" in jailed.log
    assert jailed.log.count("network: ") == 1


def test_a_line_of_the_proxy_begins_a_line(jail: Jailer, server: Server) -> None:
    script = f"printf half; {{\n{ask('http://other.test/')}}} > /dev/null; sleep 0.5"
    log = jail(script, network=named(server)).log
    assert "half\nnetwork: other.test:80 was refused" in log


# a proxy above this one


@contextmanager
def parent(answer: bytes) -> Iterator[Server]:
    """Another proxy: answers what it is asked with `answer`, then tells whatever it hears next."""

    def serve(end: socket.socket) -> None:
        end.sendall(answer)
        while said := end.recv(4096):
            server.heard.append(said)

    with serving(serve) as server:
        yield server


def above(server: Server) -> Network:
    return Network(hosts=("files.test",), parent=f"http://me:secret%40word@127.0.0.1:{server.port}")


def test_behind_another_proxy_that_one_is_asked(jail: Jailer) -> None:
    with parent(HELLO) as server:
        jailed = jail("env; " + ask("http://files.test/song"), network=above(server))
    asked = server.heard[0].decode()
    assert "answer b'hello'" in jailed.log
    assert asked.startswith("GET http://files.test/song HTTP/1.1\r\n")
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:secret@word').decode()}\r\n" in asked
    assert "secret" not in jailed.log
    assert "network: files.test:80 was let through by PATCHBAY_PREPARE_PROXY\n" in jailed.log


def test_a_tunnel_goes_through_the_other_proxy(jail: Jailer) -> None:
    with parent(b"HTTP/1.1 200 OK\r\nVia: it\r\n\r\n") as server:
        jailed = jail(SAY.format(words=b"CONNECT files.test:443 HTTP/1.1\r\nHost: x\r\n\r\n"), network=above(server))
    assert "answer b'HTTP/1.1 200 Connection established" in jailed.log
    assert server.heard[0].startswith(b"CONNECT files.test:443 HTTP/1.1\r\nHost: files.test:443\r\n")


def test_the_other_proxys_refusal_opens_no_way_to_it(jail: Jailer) -> None:
    first, second = (b"CONNECT %s:443 HTTP/1.1\r\n\r\n" % host for host in (b"files.test", b"other.test"))
    with parent(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n") as server:
        jailed = jail(SAY.format(words=first + second), network=above(server))
    assert "answer b'HTTP/1.1 502 Bad Gateway" in jailed.log
    assert "network: files.test:443 was refused by PATCHBAY_PREPARE_PROXY: 407 Who are you\n" in jailed.log
    assert not [said for said in server.heard if b"other.test" in said]


def test_a_name_that_is_known_to_lead_inside_is_not_taken_to_the_other_proxy(jail: Jailer) -> None:
    with parent(HELLO) as server:
        network = replace(above(server), hosts=("*",))
        jailed = jail(SAY.format(words=b"GET http://localhost/ HTTP/1.1\r\n\r\n"), network=network)
    assert "network: localhost:80 was refused: it has no public address.\n" in jailed.log
    assert not server.heard


# the rules by themselves


def answering(*ips: str) -> Callable[[str, int], Sequence[tuple[Any, ...]]]:
    """A name server that gives one answer after the other, and the last one for ever."""
    left = list(ips)

    def look_up(_: str, port: int) -> Sequence[tuple[Any, ...]]:
        ip = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    return look_up


@pytest.mark.parametrize(
    ("word", "host", "port", "opens"),
    [
        ("*", "example.org", 443, True),
        ("*", "example.org", 80, True),
        ("*", "example.org", 8080, False),
        ("example.org", "EXAMPLE.org.", 443, True),
        ("example.org", "an.example.org", 443, False),
        ("example.org", "anexample.org", 443, False),
        ("*.example.org", "an.example.org", 443, True),
        ("*.example.org", "example.org", 443, False),
        ("*.example.org", "example.org.evil.test", 443, False),
        ("*.example.org", "evilexample.org", 443, False),
        ("example.org:8443", "example.org", 8443, True),
        ("example.org:8443", "example.org", 443, False),
    ],
)
def test_words_name_hosts_and_ports(word: str, host: str, port: int, opens: bool) -> None:  # noqa: FBT001 - a table
    look_up = answering("8.8.8.8")
    if opens:
        assert find_way(Network(hosts=("other.test", word)), host, port, look_up).address == "8.8.8.8"
    else:
        with pytest.raises(Refused):
            find_way(Network(hosts=("other.test", word)), host, port, look_up)


def test_a_pinned_host_is_not_asked_for() -> None:
    network = Network(hosts=("mirror.test:8080=10.1.2.3",))
    assert find_way(network, "mirror.test", 8080, answering("8.8.8.8")).address == "10.1.2.3"


@pytest.mark.parametrize(
    "word", ["", "a b", "ex*mple.org", "*.*", "*=1.2.3.4", "x=nowhere", "http://x", "x:port", "x/y"]
)
def test_words_that_name_no_host_are_refused(word: str) -> None:
    with pytest.raises(Invalid, match="no host that a prepare step"):
        read_rule(word)


def test_a_name_with_one_address_inside_is_refused() -> None:
    def look_up(_: str, port: int) -> Sequence[tuple[Any, ...]]:
        return [(socket.AF_INET, 1, 6, "", (ip, port)) for ip in ("8.8.8.8", "127.0.0.1")]

    with pytest.raises(Refused, match="no public address"):
        find_way(Network(), "rebound.test", 80, look_up)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "GET / HTTP/1.1",
        "GET https://x/ HTTP/1.1",
        "GET http://u:p@x/ HTTP/1.1",
        "GET http://x:0/ HTTP/1.1",
        "GET http://x:65536/ HTTP/1.1",
        "GET http://x/ HTTP/2",
        "GET http://x/ y HTTP/1.1",
        "PUT http://x/ HTTP/1.1",
        "CONNECT x HTTP/1.1",
        "CONNECT http://x:443 HTTP/1.1",
        "CONNECT x:443 HTTP/1.1 extra",
        "GET http://x/ HTTP/1.1\r\nContent-Length: 5",
        "GET http://x/ HTTP/1.1\r\nTransfer-Encoding: chunked",
        "GET http://x/ HTTP/1.1\r\nno colon",
        "GET http://x/ HTTP/1.1\r\nX: a\nGET http://y/ HTTP/1.1",
        "GET http://x/ HTTP/1.1\r\n folded: line",
    ],
)
def test_other_requests_are_not_understood(head: str) -> None:
    with pytest.raises(BadRequest):
        read_request(f"{head}\r\n\r\n".encode())


def test_headers_of_the_connection_are_not_passed_on() -> None:
    own = b"Host: lie\r\nProxy-Authorization: mine\r\nConnection: keep-alive"
    kept = read_request(b"get http://X.test?q HTTP/1.0\r\nAccept: a\r\n" + own + b"\r\n\r\n")
    assert kept.head(absolute=False, authorization="") == (
        b"GET /?q HTTP/1.1\r\nHost: x.test\r\nAccept: a\r\nConnection: close\r\n\r\n"
    )
