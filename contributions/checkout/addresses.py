"""Which git addresses and refs the portal follows, and the one IP address that it was shown to have.

A name is resolved once, every answer must be public, and git is pinned to the answer that was checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from contributions.addresses import Unreachable, resolve
from contributions.checkout.runner import GitFailed, run
from contributions.errors import Invalid

PORTS = {"https": 443, "http": 80, "git": 9418, "ssh": 22}
LAST_PORT = 65_535
OPEN_SCHEMES = ("https",)  # git:// lets anyone on the way change what is pulled, and ssh:// asks for a key
DEVELOPMENT_SCHEMES = (*OPEN_SCHEMES, "ssh", "git", "http", "file")
MAX_URL = 500
MAX_REF = 250

URL = re.compile(r"(?P<scheme>[a-z]+)://(?:(?P<user>[^@/]*)@)?(?P<place>[^/@]*)(?P<path>/.*)")
PLACE = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")
PATH = re.compile(r"/[A-Za-z0-9._~/+%,=@-]*")
SSH_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
COMMIT = re.compile(r"[0-9a-f]{40}")

UNREACHABLE = "The portal cannot pull from this address."


@dataclass(frozen=True)
class Address:
    """A checked URL. `ip` is empty only for file:// in development."""

    url: str
    scheme: str
    host: str
    port: int
    path: str
    user: str = ""
    ip: str = ""

    @property
    def _dialled(self) -> str:
        return f"[{self.ip}]" if ":" in self.ip else self.ip

    @property
    def pinned_url(self) -> str:
        """What git is given: for git:// the checked IP stands in the URL, as nothing else would pin it."""
        return f"git://{self._dialled}:{self.port}{self.path}" if self.scheme == "git" else self.url

    @property
    def configuration(self) -> tuple[str, ...]:
        if self.scheme not in {"https", "http"}:
            return ()
        return (f"http.curloptResolve={self.host}:{self.port}:{self._dialled}",)

    @property
    def environment(self) -> dict[str, str]:
        if self.scheme == "git":
            return {"GIT_OVERRIDE_VIRTUAL_HOST": f"{self.host}:{self.port}"}
        if self.scheme == "ssh":
            return {"GIT_SSH_COMMAND": self._ssh, "GIT_SSH_VARIANT": "ssh"}
        return {}

    @property
    def _ssh(self) -> str:
        options = {
            "HostName": self.ip,
            "HostKeyAlias": self.host,
            "BatchMode": "yes",
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": "/dev/null",
            "ProxyCommand": "none",
            "PermitLocalCommand": "no",
            "ClearAllForwardings": "yes",
            "ConnectTimeout": "10",
        }
        return " ".join(["ssh -F /dev/null", *(f"-o {name}={value}" for name, value in options.items())])


def check_url(url: str, *, allow_private: bool) -> Address:
    """Resolve and check a git URL. Raises Invalid with a sentence.

    `allow_private` is development: private addresses, any port, http:// and file:// as well. That a name
    does not resolve and that it leads inside give the same sentence, so nobody learns what is in there.
    """
    scheme, user, place, path = _parts(url, DEVELOPMENT_SCHEMES if allow_private else OPEN_SCHEMES)
    if not PATH.fullmatch(path) or "//" in path or "/../" in f"{path}/":
        raise Invalid("The path of the git URL has characters that the portal does not follow.", field="git_url")
    if scheme == "file":
        return Address(url, scheme, "", 0, path)
    found = PLACE.fullmatch(place)
    if not found or not 0 < int(found["port"] or PORTS[scheme]) <= LAST_PORT:
        raise Invalid("The git URL names no host that the portal can follow.", field="git_url")
    host, port = found["host"], int(found["port"] or PORTS[scheme])
    if not allow_private and port != PORTS[scheme]:
        raise Invalid(f"The portal pulls by {scheme} from port {PORTS[scheme]} only.", field="git_url")
    ip = _resolve(host, port, allow_private=allow_private)
    return Address(url, scheme, host, port, path, user, ip)


def _parts(url: str, schemes: tuple[str, ...]) -> tuple[str, str, str, str]:
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid(f"A git URL is at most {MAX_URL} plain characters without blanks.", field="git_url")
    found = URL.fullmatch(url)
    if not found or found["scheme"] not in schemes:
        wanted = ", ".join(f"{scheme}://" for scheme in schemes)
        raise Invalid(f"A git URL starts with one of {wanted} and names a host and a path.", field="git_url")
    user = found["user"]
    if user is not None and (found["scheme"] != "ssh" or not SSH_USER.fullmatch(user)):
        raise Invalid("A git URL must not carry a user name or a password.", field="git_url")
    if found["scheme"] == "file" and (found["place"] or user is not None):
        raise Invalid("A file:// URL names no host.", field="git_url")
    return found["scheme"], user or "", found["place"], found["path"]


def _resolve(host: str, port: int, *, allow_private: bool) -> str:
    try:
        return resolve(host, port, allow_private=allow_private)
    except Unreachable as fault:
        raise Invalid(UNREACHABLE, field="git_url") from fault


def check_ref(ref: str) -> str:
    """A branch, a tag or a whole commit id, as it may be given to git. Raises Invalid with a sentence."""
    if not ref or len(ref) > MAX_REF or not ref.isprintable():
        raise Invalid(f"A ref is a name of 1 to {MAX_REF} printable characters.", field="git_ref")
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    try:
        run(["check-ref-format", full])
    except (GitFailed, ValueError) as failure:
        raise Invalid("This is not a name that git allows for a branch or a tag.", field="git_ref") from failure
    if ref.startswith(("-", "refs/")) and not ref.startswith(("refs/heads/", "refs/tags/")):
        raise Invalid("A ref is a branch, a tag or a whole commit id.", field="git_ref")
    return ref


def is_commit_id(ref: str) -> bool:
    return COMMIT.fullmatch(ref) is not None
