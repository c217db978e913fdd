import socket
from collections.abc import Iterator

import pytest

from contributions.addresses import is_public
from contributions.checkout.addresses import UNREACHABLE, check_ref, check_url
from contributions.errors import Invalid


class Canary:
    """A listening socket that nobody must connect to."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]

    def was_called(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.close()


def test_the_canary_sings_when_it_is_called(canary: Canary) -> None:
    with socket.create_connection(("127.0.0.1", canary.port)):
        assert canary.was_called()


# 8.8.8.8 may be followed, so it is the rest that is refused.
NOT_FOLLOWED = [
    "ext::sh -c touch% marker",
    "ext::https://8.8.8.8/x",
    "fd::17",
    "xx::https://8.8.8.8/x",
    "gopher://8.8.8.8/x",
    "ftp://8.8.8.8/x",
    "file:///etc",
    "/etc/passwd",
    "../media",
    "8.8.8.8:repo.git",
    "git@8.8.8.8:repo.git",
    "http://8.8.8.8/x",
    "git://8.8.8.8/x.git",
    "ssh://git@8.8.8.8/x.git",
    "HTTPS://8.8.8.8/x",
    "--upload-pack=touch marker",
    "-ccore.sshCommand=touch marker",
    "https://-oProxyCommand=touch/x",
    "ssh://-oProxyCommand=touch/x",
    "ssh://-oProxyCommand=touch@8.8.8.8/x",
    "ssh://git:secret@8.8.8.8/x",
    "https://user:secret@8.8.8.8/x",
    "https://user@8.8.8.8/x",
    "https://@8.8.8.8/x",
    "https://8.8.8.8@127.0.0.1/x",
    "https://8.8.8.8",
    "https://8.8.8.8:22/x",
    "https://8.8.8.8:443443/x",
    "https://8.8.8.8:0/x",
    "ssh://git@8.8.8.8:443/x",
    "https://8.8.8.8/x\nhost",
    "https://8.8.8.8/x\r",
    "https://8.8.8.8/\0",
    "https://8.8.8.8/x\t",
    "https://8.8.8.8/a b",
    "https://8.8.8.8/%(x)",
    "https://8.8.8.8/x?service=git-receive-pack",
    "https://8.8.8.8/x#fragment",
    "https://8.8.8.8//x",
    "https://8.8.8.8/../x",
    "https://8.8.8.8/x/..",
    "https://8.8.8.8\\@127.0.0.1/x",
    "https://exämple.com/x",
    "https://①②⑦.⓪.⓪.①/x",
    "https://[::1%25lo]/x",
    "https://[::1]evil.example/x",
    "https:///x",
    "",
    "https://8.8.8.8/" + "x" * 10_000,
]


@pytest.mark.attack("G01", "G02", "G03", "G04", "G09")
@pytest.mark.parametrize("url", NOT_FOLLOWED, ids=lambda url: ascii(url)[:40])
def test_what_is_no_plain_address_of_a_git_server_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_url(url, allow_private=False)
    assert "secret" not in refusal.value.sentence
    assert refusal.value.sentence != UNREACHABLE, "it is refused for how it is written"
    assert refusal.value.field == "git_url"


def test_the_same_host_is_followed_when_the_rest_is_plain() -> None:
    assert check_url("https://8.8.8.8/some/repo.git", allow_private=False).ip == "8.8.8.8"


INWARD = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "localhost",
    "localhost.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[fe80::1]",
    "[fc00::1]",
]


@pytest.mark.attack("G06")
@pytest.mark.parametrize("host", INWARD)
def test_an_address_that_leads_inside_is_refused_without_a_call(host: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_url(f"https://{host}/repo.git", allow_private=False)
    assert refusal.value.sentence == UNREACHABLE


@pytest.mark.attack("G06", "G30")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"])
def test_no_open_port_of_ours_can_be_told_from_a_closed_one(canary: Canary, host: str) -> None:
    with pytest.raises(Invalid) as open_port:
        check_url(f"https://{host}:{canary.port}/x", allow_private=False)
    with pytest.raises(Invalid) as closed_port:
        check_url(f"https://{host}:1/x", allow_private=False)
    assert open_port.value.sentence == closed_port.value.sentence
    assert not canary.was_called()


def test_a_name_that_does_not_exist_gives_the_same_sentence_as_one_that_is_filtered() -> None:
    with pytest.raises(Invalid) as refusal:
        check_url("https://no-such-host.invalid/x", allow_private=False)
    assert refusal.value.sentence == UNREACHABLE


NOT_PUBLIC = [
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "::127.0.0.1",
    "fec0::1",
    "192.0.0.8",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "198.18.0.1",
    "2001:db8::1",
    "2001::1",
    "100::1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("ip", NOT_PUBLIC)
def test_addresses_that_tunnel_translate_or_broadcast_are_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", ["8.8.8.8", "1.1.1.1", "185.199.108.153", "2606:4700::1111", "2a00:1450:4001::1"])
def test_addresses_in_the_world_are_public(ip: str) -> None:
    assert is_public(ip)


def test_what_was_checked_is_what_git_is_pinned_to() -> None:
    https = check_url("https://8.8.8.8/x.git", allow_private=False)
    assert https.configuration == ("http.curloptResolve=8.8.8.8:443:8.8.8.8",)
    git = check_url("git://[2606:4700::1111]/x.git", allow_private=True)
    assert git.pinned_url == "git://[2606:4700::1111]:9418/x.git"
    assert git.environment == {"GIT_OVERRIDE_VIRTUAL_HOST": "[2606:4700::1111]:9418"}
    ssh = check_url("ssh://git@8.8.8.8/x.git", allow_private=True)
    assert "-o HostName=8.8.8.8" in ssh.environment["GIT_SSH_COMMAND"]
    assert "ProxyCommand=none" in ssh.environment["GIT_SSH_COMMAND"]


def test_development_may_use_its_own_machine() -> None:
    assert check_url("http://localhost:8080/x.git", allow_private=True).port == 8080
    assert check_url("file:///srv/x.git", allow_private=True).path == "/srv/x.git"
    with pytest.raises(Invalid):
        check_url("ext::sh", allow_private=True)


ODD_REFS = [
    "",
    "-x",
    "--upload-pack=touch marker",
    "-c",
    "a:b",
    "main:refs/heads/other",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a?",
    "a*",
    "refs/heads/*",
    "a[b",
    "a\\b",
    "a@{1}",
    "@{-1}",
    "a.lock",
    ".a",
    "a/.b",
    "a/",
    "/a",
    "a//b",
    "a.",
    "a\n",
    "a\0b",
    "a\x7f",
    "refs/patchbay/in",
    "refs/replace/" + "a" * 40,
    "refs/revisions/1",
    "refs/heads/",
    "a" * 300,
]


@pytest.mark.attack("G28")
@pytest.mark.parametrize("ref", ODD_REFS, ids=lambda ref: ascii(ref)[:30])
def test_a_ref_that_is_no_branch_tag_or_commit_is_refused(ref: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_ref(ref)
    assert refusal.value.field == "git_ref"


@pytest.mark.parametrize("ref", ["main", "stable/2.35", "v1.0", "refs/tags/v1.0", "f" * 40, "größe", "a-b_c.d"])
def test_ordinary_refs_pass_as_they_are(ref: str) -> None:
    assert check_ref(ref) == ref
