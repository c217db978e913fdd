"""Posting outward: to no address inside, in no more time than it is given, whatever the other side does."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contributions.errors import Invalid
from contributions.posting import UNREACHABLE, NotTaken, Outlet, check
from tests.recall.servers import lying, misbehaving, receiving

if TYPE_CHECKING:
    import socket
    from pathlib import Path

PUBLIC = "93.184.215.14"
OPEN, INSIDE = Outlet(allow_private=False), Outlet(allow_private=True, seconds=1.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "https://user:secret@hooks.example.org/",
        "https://hooks.example.org:22/",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:70000/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nX-Evil: 1",
        "https://hooks.example.org/#part",
        "https://hooks.exämple.org/",
        "https://",
        "javascript:alert(1)",
        "https://hooks.example.org/" + "a" * 500,
        "",
    ],
)
def test_an_address_that_is_none_is_refused_at_entry(url: str) -> None:
    public, _ = lying(PUBLIC)
    check("https://hooks.example.org:8443/a?b=c", allow_private=False, look_up=public)
    with pytest.raises(Invalid) as refusal:
        check(url, allow_private=False, look_up=public)
    assert refusal.value.field == "url"


@pytest.mark.parametrize(
    "inside",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "64:ff9b::7f00:1", "0.0.0.0"],  # noqa: S104
)
def test_a_name_that_leads_inside_is_refused_at_entry(inside: str) -> None:
    look_up, _ = lying(inside)
    with pytest.raises(Invalid, match=UNREACHABLE):
        check("https://hooks.example.org/", allow_private=False, look_up=look_up)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "127.1", "2130706433", "0x7f000001", "169.254.169.254"])
def test_an_address_inside_is_refused_at_entry_however_it_is_written(host: str) -> None:
    with pytest.raises(Invalid, match=UNREACHABLE):
        check(f"https://{host}:8443/", allow_private=False)


def test_a_name_that_turns_inward_after_entry_is_refused_when_it_is_posted_to() -> None:
    """The control: the same name server and the same canary, where addresses inside are allowed."""
    with receiving() as canary:
        url = f"https://hooks.example.org:{canary.port}/hook"
        look_up, _ = lying(PUBLIC, "127.0.0.1")
        check(url, allow_private=False, look_up=look_up)
        with pytest.raises(NotTaken, match=UNREACHABLE):
            Outlet(allow_private=False, look_up=look_up).post(url, b"{}", {})
        assert canary.got == []
        Outlet(allow_private=True, look_up=look_up).post(url.replace("https", "http"), b"{}", {})
        assert len(canary.got) == 1


def test_a_name_is_asked_for_once_and_the_host_is_still_called_by_it() -> None:
    with receiving() as receiver:
        look_up, asked = lying("127.0.0.1", "192.0.2.1")
        answer = Outlet(allow_private=True, look_up=look_up).post(
            f"http://hooks.example.org:{receiver.port}/a?b=c", b"{}", {"Patchbay-Event": "trial"}
        )
        assert (answer.status, asked) == (204, ["hooks.example.org"])
        [got] = receiver.got
        assert (got.path, got.headers["Host"]) == ("/a?b=c", f"hooks.example.org:{receiver.port}")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    with receiving() as canary, receiving(statuses=[status], headers={"Location": canary.url}) as receiver:
        answer = INSIDE.post(receiver.url, b"{}", {})
        assert (answer.status, answer.is_thanks, canary.got) == (status, False, [])


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(1 << 16):  # until the other end has gone
        continue


def drip(connection: socket.socket) -> None:
    for _ in range(200):
        connection.sendall(b"H")
        time.sleep(0.1)


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        connection.sendall(b"X-%d: y\r\n" % number)
        time.sleep(0.1)


@pytest.mark.parametrize("behave", [say_nothing, drip, drip_headers])
def test_a_slow_server_has_its_time_and_no_more(behave: object) -> None:
    with misbehaving(behave) as port:  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(NotTaken, match="within 1 second"):
            INSIDE.post(f"http://127.0.0.1:{port}/", b"{}", {})
        assert time.monotonic() - began < 10


def never_end(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        connection.sendall(b"more " * 4096)


def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    with misbehaving(never_end) as port:
        began = time.monotonic()
        answer = Outlet(allow_private=True, seconds=30.0).post(f"http://127.0.0.1:{port}/", b"{}", {})
        assert (answer.status, len(answer.text) <= 500, answer.text[:5]) == (200, True, "more ")
        assert time.monotonic() - began < 15


def thank_and_hang(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    while connection.recv(1 << 16):  # until the other end has gone
        continue


def test_whoever_said_thanks_has_taken_it_even_if_no_more_words_come() -> None:
    with misbehaving(thank_and_hang) as port:
        assert INSIDE.post(f"http://127.0.0.1:{port}/", b"{}", {}).is_thanks


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
    ],
)
def test_what_is_not_http_is_told_so(said: bytes) -> None:
    def speak(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(said)

    with misbehaving(speak) as port, pytest.raises(NotTaken, match="not HTTP"):
        INSIDE.post(f"http://127.0.0.1:{port}/", b"{}", {})


def test_where_nobody_listens_it_says_so() -> None:
    with misbehaving(drip) as port:
        pass
    with pytest.raises(NotTaken, match="refused"):
        INSIDE.post(f"http://127.0.0.1:{port}/", b"{}", {})


def certificate(directory: Path, name: str) -> ssl.SSLContext:
    """A server's context with a certificate for `name` that signs itself; its file is `directory`/cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


def test_the_certificate_must_be_the_hosts_though_the_address_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate(tmp_path, "hooks.example.org")
    look_up, _ = lying("127.0.0.1")
    outlet = Outlet(allow_private=True, look_up=look_up)
    with receiving(context) as receiver:
        there = f"https://{{}}:{receiver.port}/"
        with pytest.raises(NotTaken, match="not to be trusted"):
            outlet.post(there.format("hooks.example.org"), b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert outlet.post(there.format("hooks.example.org"), b"{}", {}).status == 204
        with pytest.raises(NotTaken, match="not to be trusted"):
            outlet.post(there.format("other.example.org"), b"{}", {})
        assert len(receiver.got) == 1
