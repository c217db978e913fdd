#!/usr/bin/env python3
"""Patchbay from the command line: check and apply a stack's lock file, search, submit, report, download and verify.

One file that needs nothing but Python 3.8 or newer; `stack apply` runs git, `download --verify` runs openssl.

    patchbay.py --site https://patches.example.org stack check patchbay.lock.json

The address comes from --site, PATCHBAY_SITE or ~/.config/patchbay.ini; the token from PATCHBAY_TOKEN,
PATCHBAY_TOKEN_FILE or ~/.config/patchbay.token, a file that only its owner may read. The page /client/ of every
portal tells more.

It ends with 0 when all is well and 2 when it was called wrongly; with 3 when the site could not be reached or refused,
and with 4 when a digest, a signature or a tree is not what it should be. What needs attention in a stack is told by
1 (something unknown, or work for the asked release), 10 (upstream has it), 11 (superseded) and 12 (withdrawn, or an
advisory stands against it); the highest one that holds counts.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import configparser
import contextlib
import hashlib
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSION = "1.0"
FINE, ATTENTION, USAGE, UNREACHED, UNVERIFIED, FAULT = 0, 1, 2, 3, 4, 70
UPSTREAM, SUPERSEDED, WITHDRAWN = 10, 11, 12
NEEDS = (ATTENTION, UPSTREAM, SUPERSEDED, WITHDRAWN)
MEBIBYTE = 1 << 20
LARGEST_ANSWER = 32 * MEBIBYTE
LARGEST_LOCK = 8 * MEBIBYTE
LARGEST_FILE = 16 << 30
CHUNK = 1 << 16
SECONDS = 60
LONGEST_WAIT = 86_400
SLOWEST = 1 << 10  # bytes a second, once the time to answer is over
MOST_REDIRECTS = 5
LARGEST_PAGE = 100  # of what the portal lists
LONGEST_NAME = 255  # bytes that file systems take
SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
FILE = re.compile(r"/files/([0-9a-f]{64})/([^/]+)")
STATEMENT = "application/vnd.in-toto+json"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
GIT_QUIET = (
    "core.hooksPath=/dev/null", "commit.gpgSign=false", "core.autocrlf=false", "core.safecrlf=false",
    "am.keepcr=false", "mailinfo.scissors=false", "gc.auto=0", "advice.detachedHead=false",
)  # fmt: skip
GIT_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX")


class Stop(Exception):
    """The end, with a sentence and an exit code."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def plain(text: Any) -> str:
    """Text that no terminal takes for a command: what does not print or turns the way of writing is spelled out."""
    return "".join(
        letter if letter == "\n" or unicodedata.category(letter)[0] != "C" else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )


def one_line(text: Any) -> str:
    return plain(" ".join(str(text).split()))


def say(text: str = "", *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "utf-8"
    stream.write(plain(text).encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def show(found: Any) -> None:
    """For programs; ASCII alone, so that nothing in it moves a cursor."""
    sys.stdout.write(json.dumps(found, indent=1, sort_keys=True) + "\n")
    sys.stdout.flush()


# The site.


def split(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018 - read to see whether it is a number
    except ValueError:
        raise Stop(USAGE, f"{url[:200]!r} is no address.") from None
    return parts


def origin_of(url: str) -> tuple[str, str, int | None]:
    parts = split(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or usual


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows within the site with the token, to other hosts without it, and never from https to http."""

    max_redirections = MOST_REDIRECTS

    def http_error_302(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any) -> Any:
        """What else such an answer says is not read: urllib would hold all of it in memory."""
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(  # noqa: PLR0913, PLR0917 - urllib's own signature
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        there = origin_of(newurl)
        if there[0] not in {"http", "https"} or (req.full_url.startswith("https:") and there[0] != "https"):
            raise Stop(UNREACHED, f"The site leads on to {newurl[:200]}, where this program does not follow.")
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and there != origin_of(req.full_url):
            for name in ("Authorization", "Cookie"):
                made.remove_header(name)
        return made


@contextlib.contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Raises TimeoutError when the block takes longer, where the system has alarms; Windows has none."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _out_of_time(*_: Any) -> None:
    raise TimeoutError("it answers too slowly")


class Site:
    """The portal that is spoken to."""

    def __init__(self, address: str, token: str, seconds: float) -> None:
        parts = split(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise Stop(USAGE, f"{address!r} is no address of a site: give one such as https://patches.example.org.")
        if token and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise Stop(USAGE, "A token is not sent over plain http, where everybody on the way could read it.")
        self.address = address.rstrip("/")
        self._token = token
        self._seconds = seconds
        self._opener = urllib.request.build_opener(Redirects)

    def url(self, path: str) -> str:
        """A path of the site, or an address that lies on it; any other is refused."""
        url = path if re.match(r"[a-z][a-z0-9+.-]*:", path) else f"{self.address}{path}"
        if origin_of(url) != origin_of(self.address):
            raise Stop(UNREACHED, f"{url[:200]} is not on {self.address}, and this program goes nowhere else.")
        return url

    @contextlib.contextmanager
    def opened(self, path: str, *, body: bytes | None = None, kind: str = "", once: str = "") -> Iterator[Any]:
        """What the site answers. Raises Stop with its own sentence when it refuses."""
        request = urllib.request.Request(self.url(path), data=body, method="GET" if body is None else "POST")
        request.add_header("User-Agent", f"patchbay.py/{VERSION}")
        request.add_header("Accept", "*/*")
        if kind:
            request.add_header("Content-Type", kind)
        if once:
            request.add_header("Idempotency-Key", once)
        if self._token:
            request.add_header("Authorization", f"Token {self._token}")
        try:
            with _bounded(self._seconds + len(body or b"") / SLOWEST):
                answer = self._opener.open(request, timeout=self._seconds)
            with answer:
                yield answer
        except urllib.error.HTTPError as problem:
            with problem, _bounded(self._seconds):
                sentence = _refusal(problem)
            raise Stop(UNREACHED, sentence) from None
        except urllib.error.URLError as problem:
            raise Stop(UNREACHED, f"{self.address} cannot be reached: {problem.reason}.") from None
        except (OSError, ValueError, http.client.HTTPException) as problem:  # cut off, or an answer that is no HTTP
            raise Stop(UNREACHED, f"{self.address} broke off: {problem or type(problem).__name__}.") from None

    def read(self, path: str, *, most: int = LARGEST_ANSWER, **given: Any) -> bytes:
        with self.opened(path, **given) as answer:
            chunks, size = [], 0
            for chunk in self._chunks(answer):
                chunks.append(chunk)
                size += len(chunk)
                if size > most:
                    raise Stop(
                        UNREACHED, f"The site's answer is larger than {most:,} bytes, the most that is read here."
                    )
        return b"".join(chunks)

    def _chunks(self, answer: Any) -> Iterator[bytes]:
        """What comes in, as it comes. Raises Stop for a site that keeps the line and says next to nothing."""
        begun, size = time.monotonic(), 0
        while True:
            with _bounded(self._seconds):
                chunk: bytes = answer.read1(CHUNK)
            if not chunk:
                break
            yield chunk
            size += len(chunk)
            if size < (time.monotonic() - begun - self._seconds) * SLOWEST:
                raise Stop(UNREACHED, f"{self.address} answers too slowly.")
        if answer.length:
            raise Stop(UNREACHED, f"{self.address} broke off in the middle.")

    def json(self, path: str, **given: Any) -> Any:
        """An object of the REST API."""
        try:
            found = json.loads(self.read(f"/api/v1/{path}", **given))
        except (ValueError, RecursionError):
            raise Stop(UNREACHED, f"{self.address} does not answer as a Patchbay does.") from None
        if not isinstance(found, dict):
            raise Stop(UNREACHED, f"{self.address} does not answer as a Patchbay does.")
        return found

    def post(self, path: str, body: Any, **given: Any) -> Any:
        return self.json(path, body=json.dumps(body).encode(), kind="application/json", **given)

    def fetch(self, path: str, into: IO[bytes], most: int = LARGEST_FILE) -> str:
        """Write a file of the site; returns its SHA-256."""
        digest, size = hashlib.sha256(), 0
        with self.opened(path) as answer:
            for chunk in self._chunks(answer):
                size += len(chunk)
                if size > most:
                    raise Stop(UNVERIFIED, f"The file is larger than {most:,} bytes.")
                digest.update(chunk)
                into.write(chunk)
        return digest.hexdigest()


def _refusal(problem: urllib.error.HTTPError) -> str:
    """The site's own sentence, if it gave one."""
    try:
        said = json.loads(problem.read(MEBIBYTE))
        sentence = str(said["detail"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, http.client.HTTPException):
        sentence = ""
    wait = problem.headers.get("Retry-After", "")
    later = f" Try again in {wait} seconds." if wait.isdigit() else ""
    return f"The site refused ({problem.code}): {one_line(sentence[:2000]) or problem.reason}{later}"


# What is kept at home.


def home(name: str) -> str:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, name)


def setting(name: str) -> str:
    """From the section [patchbay] of the configuration file, which may be absent."""
    found = configparser.ConfigParser(interpolation=None)
    try:
        found.read(home("patchbay.ini"), encoding="utf-8")
        return found.get("patchbay", name, fallback="").strip()
    except (configparser.Error, UnicodeDecodeError):
        raise Stop(
            USAGE, f"{home('patchbay.ini')} cannot be read: it wants lines “name = value” below [patchbay]."
        ) from None


def token() -> str:
    given = os.environ.get("PATCHBAY_TOKEN", "").strip()
    if given:
        return _as_token(given, "PATCHBAY_TOKEN")
    named = os.environ.get("PATCHBAY_TOKEN_FILE") or setting("token_file")
    path = os.path.expanduser(named) if named else home("patchbay.token")
    if not named and not os.path.exists(path):
        return ""
    try:
        with open(path, encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise Stop(USAGE, f"{path} may be read by others than you, so its token is not used: chmod 600 it.")
            return _as_token(file.read(1000).strip(), path)
    except (OSError, UnicodeDecodeError) as problem:
        raise Stop(USAGE, f"The token in {path} cannot be read: {problem}.") from None


def _as_token(text: str, where: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{1,500}", text):
        raise Stop(USAGE, f"What stands in {where} is no token.")
    return text


def site_of(asked: argparse.Namespace, fallback: str = "") -> Site:
    """The site that was named; the `fallback`, which only a lock names, hears no token."""
    named = asked.site or os.environ.get("PATCHBAY_SITE", "") or setting("site")
    address = named or fallback
    if not address:
        raise Stop(
            USAGE,
            "Which site? Name it with --site, in PATCHBAY_SITE, or as “site = …” in " + home("patchbay.ini") + ".",
        )
    secret = token()
    if secret and not named:
        say(
            f"Only the lock names {address}, so your token is not sent there; name it with --site if it is yours.",
            error=True,
        )
        secret = ""
    return Site(address, secret, asked.timeout)


def read_file(name: str, most: int) -> bytes:
    """A file, or what comes in when it is called “-”."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with open(name, "rb") as file:
                content = file.read(most + 1)
    except OSError as problem:
        raise Stop(USAGE, f"{name} cannot be read: {problem.strerror}.") from None
    if len(content) > most:
        raise Stop(USAGE, f"{name} is larger than {most:,} bytes.")
    return content


@contextlib.contextmanager
def written(path: str, *, force: bool) -> Iterator[IO[bytes]]:
    """A new file that stands at `path` when the block ended well, and not at all otherwise."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.lexists(path) and not force:
        raise Stop(USAGE, f"{path} is there already; --force writes over it.")
    try:
        number, name = tempfile.mkstemp(prefix=".patchbay-", dir=folder)
    except OSError as problem:
        raise Stop(USAGE, f"Nothing can be written to {folder}: {problem.strerror}.") from None
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except OSError as problem:
        raise Stop(USAGE, f"{path} cannot be written: {problem.strerror}.") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def file_name(name: str) -> str:
    """A name that stays in its directory. Raises Stop for any other."""
    if not name or name != os.path.basename(name) or name.startswith((".", "-")) or "\\" in name or plain(name) != name:
        raise Stop(
            UNVERIFIED, f"The site calls a file {name[:200]!r}, which is no name to write to. Choose one with --output."
        )
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise Stop(UNVERIFIED, "The site gives a file too long a name. Choose one with --output.")
    return name


# Locks.


class Lock:
    """A lock file, as far as this program uses it."""

    def __init__(self, name: str) -> None:
        self.raw = read_file(name, LARGEST_LOCK)
        self.name = name
        try:
            self.data = json.loads(self.raw)
            self.data = self.data if isinstance(self.data, dict) else {}
        except (ValueError, RecursionError):
            raise Stop(USAGE, f"{name} is not JSON.") from None
        if self.data.get("format") != "patchbay.lock" or self.data.get("version") != 1:
            raise Stop(USAGE, f"{name} is no lock file that this program reads (patchbay.lock, version 1).")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def site(self) -> str:
        return str(self.at("site"))

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What is laid on; what upstream has is left out."""
        found = self.at("entries")
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise self.broken("entries")
        return [entry for entry in found if entry.get("state") == "applied"]

    def at(self, *path: str, of: Any = None) -> Any:
        found: Any = self.data if of is None else of
        for name in path:
            if not isinstance(found, dict) or name not in found:
                raise self.broken(".".join(path))
            found = found[name]
        return found

    def match(self, pattern: re.Pattern[str], *path: str, of: Any = None) -> str:
        found = self.at(*path, of=of)
        if not isinstance(found, str) or not pattern.fullmatch(found):
            raise self.broken(".".join(path))
        return found

    def number(self, *path: str, of: Any = None) -> int:
        found = self.at(*path, of=of)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 1 << 53:
            raise self.broken(".".join(path))
        return found

    def broken(self, what: str) -> Stop:
        return Stop(USAGE, f"{self.name} is broken: its “{what}” is missing or not what it should be.")


def checked(found: Any) -> int:
    """The exit code that the site's word on a lock stands for."""
    code = found.get("exit_code")
    return code if code in (FINE, *NEEDS) else ATTENTION


def stack_check(asked: argparse.Namespace) -> int:
    lock = Lock(asked.lock)
    site = site_of(asked, lock.site)
    query = f"?{urllib.parse.urlencode({'release': asked.release})}" if asked.release else ""
    found = site.json(f"stacks/check/{query}", body=lock.raw, kind="application/json")
    if asked.json:
        show(found)
        return checked(found)
    for entry in found.get("entries", []):
        say(f"{one_line(entry.get('state')):<12} {entry_name(entry)}")
        for finding in entry.get("findings", []):
            say(f"{'':<12} {one_line(finding.get('sentence'))}")
        for advisory in entry.get("advisories", []):
            say(f"{'':<12} Advisory {one_line(advisory.get('id'))}: {one_line(advisory.get('title'))}")
        cost = entry.get("outlook")
        if cost:
            say(f"{'':<12} On {one_line(asked.release)}: {one_line(cost.get('do'))}. {one_line(cost.get('why'))}")
    for yanked in found.get("artifacts", []):
        say(f"{one_line(yanked.get('state')):<12} {one_line(yanked.get('name'))}: {one_line(yanked.get('reason'))}")
    say(one_line(found.get("sentence", "")))
    return checked(found)


def entry_name(entry: dict[str, Any]) -> str:
    return one_line(f"#{entry.get('contribution')} v{entry.get('revision')} {entry.get('title', '')}")


def stack_lock(asked: argparse.Namespace) -> int:
    site = site_of(asked)
    number = asked.number or newest_lock(site, asked.stack)
    content = site.read(f"/api/v1/stacks/{asked.stack}/locks/{number}/patchbay.lock.json", most=LARGEST_LOCK)
    told = site.json(f"stacks/{asked.stack}/locks/{number}/").get("sha256")
    if told != hashlib.sha256(content).hexdigest():
        raise Stop(UNVERIFIED, f"Lock {number} does not have the SHA-256 that the site tells of it.")
    if asked.output == "-":
        sys.stdout.buffer.write(content)
        return FINE
    with written(asked.output, force=asked.force) as file:
        file.write(content)
    say(f"{asked.output}: lock {number} of stack {asked.stack}, SHA-256 {told}")
    return FINE


def newest_lock(site: Site, stack: int) -> int:
    found = site.json(f"stacks/{stack}/locks/?page_size=1").get("results")
    if not found:
        raise Stop(UNREACHED, f"Stack {stack} has no lock yet: it is written when the stack is assembled.")
    return int(found[0]["number"])


# Applying.


class Repository:
    def __init__(self, place: str) -> None:
        if shutil.which("git") is None:
            raise Stop(USAGE, "git is not on this machine.")
        self.place = place
        if self.git("rev-parse", "--git-dir", allowed=True).returncode:
            raise Stop(USAGE, f"{place} is no git repository; name one with --repo.")

    def git(
        self, *words: str, at: str = "", given: bytes = b"", allowed: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git; raises Stop with what it says unless a failure is `allowed`."""
        settings = [word for setting in GIT_QUIET for word in ("-c", setting)]
        env = {name: value for name, value in os.environ.items() if name not in GIT_PLACES}
        env.update(GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8")
        ended = subprocess.run(
            ["git", *settings, "-C", at or self.place, *words], input=given, env=env, capture_output=True, check=False
        )
        if ended.returncode and not allowed:
            said = one_line(ended.stderr.decode("utf-8", "replace"))[-1000:]
            raise Stop(UNVERIFIED, f"git {words[0]} failed: {said}")
        return ended

    def tell(self, *words: str, at: str = "") -> str:
        return self.git(*words, at=at).stdout.decode().strip()

    def has(self, commit: str) -> bool:
        return self.git("cat-file", "-e", f"{commit}^{{commit}}", allowed=True).returncode == 0

    def identity(self) -> list[str]:
        """Somebody commits, also where nobody told git who."""
        if self.git("var", "GIT_COMMITTER_IDENT", allowed=True).returncode == 0:
            return []
        return ["-c", "user.name=patchbay.py", "-c", "user.email=patchbay@localhost"]

    @contextlib.contextmanager
    def worktree(self, place: str, commit: str) -> Iterator[str]:
        """A work tree at `commit`, which stays when the block ends well."""
        try:
            self.git("worktree", "add", "--quiet", "--detach", place, commit)
            yield place
        except BaseException:
            self.git("worktree", "remove", "--force", "--force", place, allowed=True)
            shutil.rmtree(place, ignore_errors=True)
            self.git("worktree", "prune", allowed=True)
            raise


def stack_apply(asked: argparse.Namespace) -> int:
    lock, repository = Lock(asked.lock), Repository(asked.repo)
    base, tree = lock.match(COMMIT, "base_commit"), lock.match(COMMIT, "result", "tree")
    branch = asked.branch or f"stack-{lock.number('stack', 'number')}-{lock.number('stack', 'assembly')}"
    _refuse_branch(repository, branch)
    _refuse_base(repository, lock, base)
    site = site_of(asked, lock.site)
    series = _series(site, lock)
    with tempfile.TemporaryDirectory(prefix="patchbay-") as folder:
        place = os.path.abspath(asked.worktree) if asked.worktree else os.path.join(folder, "tree")
        if os.path.lexists(place):
            raise Stop(USAGE, f"{place} is there already.")
        with repository.worktree(place, base):
            _lay(repository, place, series)
            found = repository.tell("rev-parse", "HEAD^{tree}", at=place)
            if found != tree:
                raise Stop(UNVERIFIED, f"The patches make tree {found}, and the lock says {tree}: nothing was kept.")
            tip = repository.tell("rev-parse", "HEAD", at=place)
            if asked.worktree:
                repository.git("checkout", "--quiet", "--no-track", "-b", branch, at=place)
            else:
                repository.git("worktree", "remove", "--force", place)
                repository.git("branch", "--no-track", branch, tip)
    if asked.json:
        show({"branch": branch, "commit": tip, "tree": tree, "patches": len(lock.entries), "worktree": asked.worktree})
    else:
        say(f"{len(lock.entries)} patches verified and applied: branch {branch} has the tree of the lock, {tree}.")
        say(f"Work in {place}" if asked.worktree else f"git switch {branch}")
    return FINE


def _refuse_branch(repository: Repository, branch: str) -> None:
    if not BRANCH.fullmatch(branch) or repository.git("check-ref-format", "--branch", branch, allowed=True).returncode:
        raise Stop(USAGE, f"{branch!r} is no name for a branch.")
    if repository.git("show-ref", "--verify", "--quiet", f"refs/heads/{branch}", allowed=True).returncode == 0:
        raise Stop(USAGE, f"There is a branch {branch} already: choose another name with --branch, or remove it.")


def _refuse_base(repository: Repository, lock: Lock, base: str) -> None:
    if not repository.has(base):
        where = [one_line(lock.at("component", "upstream_url")), one_line(lock.at("release", "ref"))]
        command = " ".join(shlex.quote(word) for word in ["git", "fetch", "--", *where])
        raise Stop(
            UNVERIFIED,
            f"{repository.place} does not have the base commit {base}. Fetch the release first: {command}",
        )


def _series(site: Site, lock: Lock) -> list[tuple[str, bytes]]:
    """The mails to apply, each verified; the stack's own where the site gives it, else patch by patch."""
    patches = []
    for entry in lock.entries:
        number, revision = lock.number("contribution", of=entry), lock.number("revision", of=entry)
        name = f"#{number} v{revision}"
        patch = site.read(f"/contributions/{number}/v{revision}.patch")
        _same(
            hashlib.sha256(patch).hexdigest(), lock.match(SHA256, "patch", "sha256", of=entry), f"The patch of {name}"
        )
        patches.append((name, patch))
    if lock.at("files", "mbox") is None:
        return patches
    stack, digest = lock.number("stack", "number"), lock.match(SHA256, "files", "mbox", "sha256")
    try:
        whole = site.read(f"/api/v1/stacks/{stack}/assemblies/{lock.number('stack', 'assembly')}/stack.mbox")
    except Stop as stop:
        say(
            f"The stack's own mailbox cannot be had, so its patches are applied one by one. {stop.sentence}", error=True
        )
        return patches
    _same(hashlib.sha256(whole).hexdigest(), digest, "The mailbox of the stack")
    return [("the stack", whole)]


def _same(found: str, wanted: str, what: str) -> None:
    if found != wanted:
        raise Stop(UNVERIFIED, f"{what} has the SHA-256 {found}, and it should be {wanted}.")


def _lay(repository: Repository, place: str, series: Sequence[tuple[str, bytes]]) -> None:
    identity = repository.identity()
    for name, mails in series:
        words = [*identity, "am", "--quiet", "--3way", "--whitespace=nowarn", "--no-gpg-sign"]
        ended = repository.git(*words, at=place, given=mails, allowed=True)
        if ended.returncode:
            said = one_line((ended.stdout + b" " + ended.stderr).decode("utf-8", "replace"))[:1000]
            raise Stop(UNVERIFIED, f"git am does not take {name}: {said}. The repository is as it was.")


# Contributions.


def search(asked: argparse.Namespace) -> int:
    query = {"q": " ".join(asked.words), "component": asked.component, "release": asked.release, "order": asked.order}
    query["page_size"] = str(asked.limit)
    found = site_of(asked).json(f"contributions/?{urllib.parse.urlencode({k: v for k, v in query.items() if v})}")
    if asked.json:
        show(found)
        return FINE
    for row in found.get("results", []):
        fits = f"{row.get('fit_count', 0)} of {row.get('release_count', 0)} releases"
        say(one_line(f"#{row.get('number')} {row.get('title')}"))
        say(
            one_line(
                f"    {row.get('component')}, {row.get('state')}, fits {fits}  {row.get('page') or row.get('url')}"
            )
        )
    if not found.get("results"):
        say("Nothing was found.")
    elif found.get("next"):
        say(f"The first {asked.limit}; --limit shows more.")
    return FINE


def report(asked: argparse.Namespace) -> int:
    body: dict[str, Any] = {"release": asked.release, "outcome": asked.outcome, "stage": asked.stage}
    for name in ("since", "text", "environment"):
        if getattr(asked, name):
            body[name] = getattr(asked, name)
    if asked.trait:
        body["traits"] = dict(_pair(trait) for trait in asked.trait)
    if asked.unnamed:
        body["is_named"] = False
    made = site_of(asked).post(f"contributions/{asked.contribution}/reports/", body)
    if asked.json:
        show(made)
    else:
        say(f"Noted for your organisation: #{asked.contribution} is reported as “{asked.outcome}” on {asked.release}.")
    return FINE


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Stop(USAGE, f"A trait is given as NAME=CHOICE, which {text!r} is not.")
    return name, value


def submit(asked: argparse.Namespace) -> int:
    content = read_file(asked.file, 512 * MEBIBYTE)
    if not content:
        raise Stop(USAGE, f"{asked.file} is empty.")
    fields = {
        "component": asked.component, "kind": asked.kind, "title": asked.title or subject_of(content),
        "release": asked.release, "description": asked.description, "licence": asked.licence,
        "hold": "true" if asked.hold else "",
    }  # fmt: skip
    if not fields["title"]:
        raise Stop(USAGE, "The patch has no subject; give a title with --title.")
    fields = {name: value for name, value in fields.items() if value}
    name = "patch" if asked.kind != "executable" else "artifact"
    kind, body = form(fields, name, "stdin.patch" if asked.file == "-" else os.path.basename(asked.file), content)
    site = site_of(asked)
    made = site.json("contributions/", body=body, kind=kind, once=asked.once or once_of(site, fields, content))
    if asked.json:
        show(made)
    else:
        say(one_line(made.get("page") or made.get("url")))
    return FINE


def once_of(site: Site, fields: dict[str, str], content: bytes) -> str:
    """The same file sent again with the same words is the same contribution, however often a job runs."""
    said = json.dumps([site.address, fields, hashlib.sha256(content).hexdigest()], sort_keys=True)
    return f"patchbay.py-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def subject_of(content: bytes) -> str:
    """Of the first mail, without “[PATCH 1/2]”."""
    found = re.search(rb"^Subject: (.*(?:\n[ \t].*)*)", content[:CHUNK], re.MULTILINE)
    text = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
    return re.sub(r"^(?:\[[^\]]*\]\s*)+", "", text)[:200]


def form(fields: dict[str, str], name: str, filename: str, content: bytes) -> tuple[str, bytes]:
    """multipart/form-data with one file."""
    border = uuid.uuid4().hex
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", filename)[:200] or "patch"
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="{safe}"\r\n'
    parts += [
        f"{head}Content-Type: application/octet-stream\r\n\r\n".encode(),
        content,
        f"\r\n--{border}--\r\n".encode(),
    ]
    return f"multipart/form-data; boundary={border}", b"".join(parts)


# Files.


def download(asked: argparse.Namespace) -> int:
    site = site_of(asked)
    files = [_file(site, url) for url in _urls(site, asked.what)]
    if asked.output and len(files) > 1 and not os.path.isdir(asked.output):
        raise Stop(USAGE, f"There are {len(files)} files; name a directory with --output.")
    told = [_fetched(site, asked, *file) for file in files]
    if asked.json:
        show(told)
    return FINE


def _urls(site: Site, what: str) -> list[str]:
    """The addresses of an artifact by its number, of all files of a publication, or the one that was given."""
    number = re.fullmatch(r"(?:artifact:)?([0-9]{1,15})", what)
    published = re.fullmatch(r"publication:([0-9]{1,15})", what)
    if number:
        return [str(site.json(f"artifacts/{number[1]}/").get("url"))]
    if published:
        found = site.json(f"publications/{published[1]}/")
        if found.get("state") != "live":
            raise Stop(
                UNVERIFIED, f"Publication {published[1]} is {found.get('state')}: {one_line(found.get('reason'))}"
            )
        return [str(file.get("url")) for file in found.get("artifacts", [])]
    if "://" in what:
        return [what]
    raise Stop(USAGE, f"{what!r} is none of: the number of an artifact, publication:N, the address of a file.")


def _file(site: Site, url: str) -> tuple[str, str, str]:
    """Address, SHA-256 and name; a file's address holds its digest."""
    found = FILE.fullmatch(split(site.url(url)).path)
    if found is None:
        raise Stop(UNVERIFIED, f"{url[:200]} is not the address of a file: it holds no SHA-256.")
    return url, found[1], urllib.parse.unquote(found[2])


def _fetched(site: Site, asked: argparse.Namespace, url: str, sha256: str, name: str) -> dict[str, Any]:
    if asked.sha256:
        _same(sha256, asked.sha256.lower(), name)
    place = asked.output or "."
    path = os.path.join(place, file_name(name)) if os.path.isdir(place) else place
    with written(path, force=asked.force) as file:
        _same(site.fetch(url, file), sha256, name)
        signed = verify(site, asked, url, sha256) if asked.verify or asked.require_signature else "not looked at"
    if not asked.json:
        say(f"{path}: SHA-256 {sha256}, as its address says.")
        if asked.verify or asked.require_signature:
            say(f"Signature: {signed}.")
    return {"path": path, "sha256": sha256, "signature": signed}


def verify(site: Site, asked: argparse.Namespace, url: str, sha256: str) -> str:
    """Who built it, by its signed statement, in words. Raises Stop when it does not hold, or must but cannot."""
    key = asked.key or setting("key")
    try:
        envelope = site.read(f"{url}.provenance.json", most=8 * MEBIBYTE)
    except Stop as stop:
        if stop.code == UNREACHED and "(404)" in stop.sentence:
            return _untold(asked, "there is none: the portal did not build this file, or has not signed it yet")
        raise
    statement, signature = _opened(envelope)
    subjects = statement.get("subject")
    digests = [_digest(subject) for subject in subjects] if isinstance(subjects, list) else []
    if sha256 not in digests:
        raise Stop(UNVERIFIED, "The signed statement beside the file is about other files.")
    if not key:
        return _untold(
            asked, "not verified, for no key is pinned; its statement names this file. Give the portal's key with --key"
        )
    if shutil.which("openssl") is None:
        return _untold(asked, "not verified, for openssl is not on this machine; its statement names this file")
    _prove(os.path.expanduser(key), envelope, signature)
    return f"holds, by the key in {key}: {_from(statement)}"


def _untold(asked: argparse.Namespace, sentence: str) -> str:
    if asked.require_signature:
        raise Stop(UNVERIFIED, f"The signature was asked for: {sentence}.")
    return sentence


def _digest(subject: Any) -> str:
    digest = subject.get("digest") if isinstance(subject, dict) else None
    return str(digest.get("sha256", "")) if isinstance(digest, dict) else ""


def _opened(envelope: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        read = json.loads(envelope)
        kind = read["payloadType"]
        statement = json.loads(base64.b64decode(read["payload"], validate=True))
        signature = base64.b64decode(read["signatures"][0]["sig"], validate=True)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, binascii.Error):
        kind, statement, signature = "", None, b""
    if kind != STATEMENT or not isinstance(statement, dict):
        raise Stop(UNVERIFIED, "What lies beside the file is no signed statement.")
    return statement, signature


def _prove(key: str, envelope: bytes, signature: bytes) -> None:
    """By openssl, for Python's own library knows no Ed25519."""
    if not os.path.isfile(key):
        raise Stop(USAGE, f"There is no key in {key}.")
    payload = base64.b64decode(json.loads(envelope)["payload"])
    signed = b"DSSEv1 %d %s %d " % (len(STATEMENT), STATEMENT.encode(), len(payload)) + payload
    with tempfile.TemporaryDirectory(prefix="patchbay-") as folder:
        paths = {name: os.path.join(folder, name) for name in ("signed", "signature")}
        for name, content in (("signed", signed), ("signature", signature)):
            with open(paths[name], "wb") as file:
                file.write(content)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", paths["signed"]]
        ended = subprocess.run([*command, "-sigfile", paths["signature"]], capture_output=True, check=False)
    if ended.returncode:
        said = one_line((ended.stdout + b" " + ended.stderr).decode("utf-8", "replace"))[:300]
        raise Stop(UNVERIFIED, f"The signature does not hold by the key in {key}: {said}")


def _from(statement: dict[str, Any]) -> str:
    """What it was built from."""
    predicate = statement.get("predicate")
    definition = predicate.get("buildDefinition") if isinstance(predicate, dict) else None
    sources = definition.get("resolvedDependencies") if isinstance(definition, dict) else None
    named = [one_line(source.get("uri")) for source in sources or [] if isinstance(source, dict)]
    return "built from " + ", ".join(named[:5]) if named else "its statement names no sources"


# The words of the command line.


def number(text: str) -> int:
    found = re.fullmatch(r"#?([0-9]{1,9})", text)
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(found[1])


def limit(text: str) -> int:
    found = number(text)
    if found > LARGEST_PAGE:
        raise argparse.ArgumentTypeError(f"{LARGEST_PAGE} is the most")
    return found


def seconds(text: str) -> float:
    found = float(text)
    if not 0 < found <= LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to wait")
    return found


def words() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--site", default="", help="the portal's address")
    everywhere.add_argument("--json", action="store_true", help="answer for programs")
    everywhere.add_argument("--timeout", type=seconds, default=SECONDS, metavar="SECONDS")
    parser = argparse.ArgumentParser(
        prog="patchbay.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"patchbay.py {VERSION}")
    # The same before the verb; what stands behind it wins.
    parser.add_argument("--site", dest="first_site", default="", help="the portal's address")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _stack_words(verbs.add_parser("stack", help="check, apply and fetch lock files"), everywhere)
    _contribution_words(verbs, everywhere)
    _download_words(verbs, everywhere)
    return parser


def _stack_words(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="stack_verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", parents=[everywhere], help="what became of what a lock names")
    check.add_argument("lock", help="the lock file, or -")
    check.add_argument("--release", default="", help="and what it will cost on this release")
    check.set_defaults(run=stack_check)
    apply = verbs.add_parser("apply", parents=[everywhere], help="make a branch that is exactly what a lock says")
    apply.add_argument("lock", help="the lock file, or -")
    apply.add_argument("--repo", default=".", help="a clone of upstream; the current directory unless given")
    apply.add_argument("--branch", default="", help="its name; stack-N-ASSEMBLY unless given")
    apply.add_argument("--worktree", default="", metavar="DIR", help="leave a work tree of it there")
    apply.set_defaults(run=stack_apply)
    lock = verbs.add_parser("lock", parents=[everywhere], help="fetch the newest lock of a stack")
    lock.add_argument("stack", type=number)
    lock.add_argument("--number", type=number, help="another one than the newest")
    lock.add_argument("--output", default="patchbay.lock.json", metavar="FILE", help="- for the standard output")
    lock.add_argument("--force", action="store_true", help="write over a file that is there")
    lock.set_defaults(run=stack_lock)


def _contribution_words(verbs: Any, everywhere: argparse.ArgumentParser) -> None:
    find = verbs.add_parser("search", parents=[everywhere], help="find contributions")
    find.add_argument("words", nargs="+", help="in the search language of the portal")
    find.add_argument("--component", default="")
    find.add_argument("--release", default="")
    find.add_argument("--order", default="", help="best, newest, active, deployed or relevance")
    find.add_argument("--limit", type=limit, default=20)
    find.set_defaults(run=search)
    tell = verbs.add_parser("report", parents=[everywhere], help="say how a contribution works for your organisation")
    tell.add_argument("contribution", type=number)
    tell.add_argument("outcome", choices=["works", "partly", "broken"])
    tell.add_argument("--release", required=True)
    tell.add_argument("--stage", choices=["lab", "staging", "production"], default="lab", help="lab unless given")
    tell.add_argument("--since", default="", metavar="YYYY-MM-DD")
    tell.add_argument("--environment", default="")
    tell.add_argument("--trait", action="append", metavar="NAME=CHOICE")
    tell.add_argument("--text", default="")
    tell.add_argument("--unnamed", action="store_true", help="do not name the organisation")
    tell.set_defaults(run=report)
    send = verbs.add_parser("submit", parents=[everywhere], help="share a patch, and print its address")
    send.add_argument("file", help="a patch, a mailbox or a bundle; - for the standard input")
    send.add_argument("--component", required=True)
    send.add_argument("--title", default="", help="the patch's subject unless given")
    send.add_argument("--kind", choices=["refinement", "improvement", "executable"], default="refinement")
    send.add_argument("--release", default="", help="the one that it was made for")
    send.add_argument("--description", default="")
    send.add_argument("--licence", default="")
    send.add_argument("--hold", action="store_true", help="keep it a draft until nothing is found to be like it")
    send.add_argument("--once", default="", metavar="KEY", help="sent twice with the same key it is made once")
    send.set_defaults(run=submit)


def _download_words(verbs: Any, everywhere: argparse.ArgumentParser) -> None:
    fetch = verbs.add_parser("download", parents=[everywhere], help="fetch files, and see who built them")
    fetch.add_argument("what", help="the number of an artifact, publication:N, or the address of a file")
    fetch.add_argument("--output", default="", metavar="PLACE", help="a file or a directory; here unless given")
    fetch.add_argument("--force", action="store_true", help="write over a file that is there")
    fetch.add_argument("--sha256", default="", help="refuse any other file")
    fetch.add_argument("--verify", action="store_true", help="look at the signed statement beside it")
    fetch.add_argument("--key", default="", metavar="PEM", help="the portal's public key, which you trust")
    fetch.add_argument("--require-signature", action="store_true", help="fail unless a signature by that key holds")
    fetch.set_defaults(run=download)


def main(given: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is begun is cleared away
    asked = words().parse_args(given)
    asked.site = asked.site or asked.first_site
    try:
        return int(asked.run(asked))
    except Stop as stop:
        say(f"patchbay.py: {stop.sentence}", error=True)
        return stop.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except KeyboardInterrupt:
        say("patchbay.py: stopped.", error=True)
        return 130
    except Exception as fault:  # noqa: BLE001 - nobody is shown a traceback
        say(f"patchbay.py: this program failed, which is its own fault: {type(fault).__name__}: {fault}", error=True)
        return FAULT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
