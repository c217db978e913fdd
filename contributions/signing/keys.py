"""The keys that the portal signs with: small files in one directory, or secrets in the environment.

A private half is `ROLE.KEYID8.pem` and its owner's alone. The public half beside it, `ROLE.KEYID8.pub.pem`, tells in
lines above the key since when it is in use, when it was retired, and when and why it was revoked; it is never removed.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
import re
import secrets
import stat
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

from contributions.errors import Clash, Invalid, Missing, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

BUILDS, HISTORY = "builds", "history"
TUF = ("root", "targets", "snapshot", "timestamp", "releases")
ROLES = (BUILDS, HISTORY, *TUF)
ENVIRONMENT_PREFIX = "PATCHBAY_KEY_"

SEED_BYTES = 32  # an Ed25519 private key (RFC 8032, 5.1.5)
KEYID_IN_NAME = 8
END_OF_PEM = re.compile(r"(?<=-----END PUBLIC KEY-----)")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class PublicKey:
    """The half that everybody may have, and what became of it. `since` is unknown for a key from the environment."""

    role: str
    key: SSlibKey
    since: datetime | None = None
    retired: datetime | None = None
    revoked: datetime | None = None
    reason: str = ""
    is_from_environment: bool = False
    signs_here: bool = False

    @property
    def keyid(self) -> str:
        return str(self.key.keyid)

    @property
    def pem(self) -> str:
        raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key.keyval["public"]))
        return raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def is_trusted(self) -> bool:
        """Whether its signatures count: a retired key's do, a revoked one's never did."""
        return self.revoked is None

    @property
    def is_current(self) -> bool:
        return self.retired is None and self.revoked is None

    def as_file(self) -> str:
        lines = [f"Role: {self.role}", f"Keyid: {self.keyid}"]
        for name, moment in (("Since", self.since), ("Retired", self.retired), ("Revoked", self.revoked)):
            if moment is not None:
                lines.append(f"{name}: {moment.isoformat()}")
        if self.reason:
            lines.append(f"Reason: {self.reason}")
        return "\n".join([*lines, "", self.pem])


def key_of_pem(pem: bytes) -> SSlibKey:
    """Read a public key. Raises Invalid when it is none, or none of Ed25519."""
    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise Invalid("This is no Ed25519 public key in PEM form.")
    return SSlibKey.from_crypto(public)


def public_key_of(text: str) -> PublicKey:
    """Read a public file, or the bare PEM of a key of which nothing else is known. Raises Invalid, ValueError."""
    facts = dict(re.findall(r"^(Role|Since|Retired|Revoked|Reason): (.+)$", text, re.MULTILINE))
    since, retired, revoked = (_moment(facts.get(name)) for name in ("Since", "Retired", "Revoked"))
    key = key_of_pem(text.encode())
    return PublicKey(facts.get("Role", ""), key, since, retired, revoked, facts.get("Reason", ""))


def public_keys_of(text: str) -> list[PublicKey]:
    """Every key in a text that may hold several, each with the lines above it. Raises Invalid when one is unusable."""
    found = [part for part in END_OF_PEM.split(text) if part.strip()]
    if not found:
        raise Invalid("There is no public key in it.")
    try:
        return [public_key_of(part) for part in found]
    except ValueError:
        raise Invalid("The times above a key cannot be read.") from None


class KeyStore:
    """The keys of every role below `directory`; those in `environment` (as os.environ) come before them."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment

    def signer(self, role: str, keyid: str = "") -> CryptoSigner:
        """The key that signs for the role now, or that of `keyid`, a retired one. Raises Trouble when it is not here.

        This is the only place that reads a private key.
        """
        self._refuse_unknown(role)
        from_environment = self._environment_signer(role)
        if from_environment is not None and keyid in {"", from_environment.public_key.keyid}:
            self._refuse_revoked(role, from_environment)
            return from_environment
        for held in self._held(role):
            if held.is_trusted and (held.keyid == keyid or (not keyid and held.is_current)):
                if held.signs_here:
                    return self._load(held)
                raise Trouble(
                    f"The private half of the key {held.keyid[:KEYID_IN_NAME]} for {role} is not on this machine;"
                    f" bring it back, or run manage.py keys rotate {role}."
                )
        raise Trouble(f"The key for {role} is not on this machine; run manage.py keys make {role}.")

    def public(self, role: str) -> list[SSlibKey]:
        """The public keys whose signatures count for the role, newest first: the current one and the retired ones."""
        return [held.key for held in self.show(role) if held.is_trusted]

    def show(self, *roles: str) -> list[PublicKey]:
        """All that is known of the keys of these roles, or of every role: newest first, revoked ones included."""
        found: list[PublicKey] = []
        for role in roles or ROLES:
            self._refuse_unknown(role)
            found += self._with_environment(role, self._held(role))
        return found

    def make(self, role: str) -> PublicKey:
        """Make the role's key. Raises Clash when there is one already, Trouble when it cannot be kept."""
        self._refuse_unknown(role)
        with self._alone():
            if any(held.is_current for held in self.show(role)):
                raise Clash(f"There is a key for {role} already; manage.py keys rotate {role} makes the next one.")
            return self._make(role)

    def make_missing(self, roles: Iterable[str]) -> list[PublicKey]:
        """Make those of the keys that never were; of several first callers one makes them and all use them."""
        with self._alone():
            return [self._make(role) for role in roles if not self.show(role)]

    def rotate(self, role: str) -> PublicKey:
        """Make the next key and retire the one before. That one's private half stays until it is `forget`-ed."""
        self._refuse_unknown(role)
        if self._environment_signer(role) is not None:
            raise Clash(f"The key for {role} is in the environment ({variable_of(role)}); put the next one there.")
        with self._alone():
            before = [held for held in self._held(role) if held.is_current]
            made = self._make(role)
            for held in before:
                self._write_public(replace(held, retired=made.since))
            return made

    def revoke(self, keyid: str, reason: str) -> PublicKey:
        """Take back all trust in a key whose private half others may have, and remove that half. Raises Missing.

        A key from the environment is noted here as revoked, so that it is refused from now on.
        """
        reason = " ".join(reason.split())
        if not reason:
            raise Invalid("Say why the key is revoked; everybody who has its signatures will ask.")
        with self._alone():
            held = self._one(keyid)
            revoked = replace(held, revoked=held.revoked or _now(), reason=held.reason or reason)
            self._write_public(revoked)
            self._private_file(held).unlink(missing_ok=True)
            return revoked

    def forget(self, keyid: str) -> None:
        """Remove the private half of a retired key, which nothing will be signed with again. Raises Missing, Clash."""
        with self._alone():
            held = self._one(keyid)
            if held.is_current:
                raise Clash(f"{keyid[:KEYID_IN_NAME]} is the key that signs for {held.role} now.")
            self._private_file(held).unlink(missing_ok=True)

    # The files

    def _held(self, role: str) -> list[PublicKey]:
        """The role's public files, newest first."""
        read = [self._read_public(role, path) for path in self._directory.glob(f"{role}.*.pub.pem")]
        return sorted(read, key=lambda key: (key.since or datetime.min.replace(tzinfo=UTC), key.keyid), reverse=True)

    def _read_public(self, role: str, path: Path) -> PublicKey:
        try:
            public = replace(public_key_of(path.read_text()), role=role)
        except (OSError, ValueError, Invalid) as problem:
            raise Trouble(f"{path.name} holds no public key of the portal: {problem}") from None
        return replace(public, signs_here=self._private_file(public).exists())

    def _one(self, keyid: str) -> PublicKey:
        """The key whose id is, or begins with, `keyid`."""
        found = [key for key in self.show() if keyid and key.keyid.startswith(keyid)]
        if len(found) != 1:
            raise Missing(f"There is {'no key' if not found else 'more than one key'} {keyid} here.")
        return found[0]

    def _make(self, role: str) -> PublicKey:
        """Write the private half first: a public one without it would be trusted for nothing."""
        signer = CryptoSigner.generate_ed25519()
        public = PublicKey(role=role, key=signer.public_key, since=_now(), signs_here=True)
        self._write(self._private_file(public), signer.private_bytes, mode=0o600)
        self._write_public(public)
        return public

    def _write_public(self, key: PublicKey) -> None:
        path = self._directory / f"{key.role}.{key.keyid[:KEYID_IN_NAME]}.pub.pem"
        self._write(path, key.as_file().encode(), mode=0o644)

    def _write(self, path: Path, content: bytes, *, mode: int) -> None:
        """Put the whole file in place, or nothing."""
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.chmod(mode)
            draft.replace(path)
        except OSError as problem:
            draft.unlink(missing_ok=True)
            raise Trouble(f"The key cannot be kept in {self._directory}: {problem.strerror}.") from None

    def _private_file(self, key: PublicKey) -> Path:
        return self._directory / f"{key.role}.{key.keyid[:KEYID_IN_NAME]}.pem"

    def _load(self, held: PublicKey) -> CryptoSigner:
        path = self._private_file(held)
        try:
            with path.open("rb") as file:
                self._refuse_open_to_others(path, os.fstat(file.fileno()).st_mode)
                private = load_pem_private_key(file.read(), None)
        except (OSError, ValueError, TypeError) as problem:
            raise Trouble(f"The private key {path.name} cannot be read: {problem}") from None
        if not isinstance(private, Ed25519PrivateKey) or SSlibKey.from_crypto(private.public_key()) != held.key:
            raise Trouble(f"The private key {path.name} does not belong to the public one beside it.")
        return CryptoSigner(private, held.key)

    def _refuse_open_to_others(self, path: Path, mode: int) -> None:
        if mode & OTHERS:
            raise Trouble(f"The private key {path.name} may be read by others and is not used; chmod 600 it.")
        if self._directory.stat().st_mode & OTHERS_WRITE:
            raise Trouble(f"Others may write to {self._directory}, so its keys are not used; chmod 700 it.")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the directory, made if need be, against other makers and rotators."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self._directory / ".lock").open("a")
        except OSError as problem:
            raise Trouble(f"Keys cannot be kept in {self._directory}: {problem.strerror}.") from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # The environment

    def _environment_signer(self, role: str) -> CryptoSigner | None:
        secret = self._environment.get(variable_of(role), "").strip()
        return None if not secret else CryptoSigner(_private_key_of(secret, variable_of(role)))

    def _with_environment(self, role: str, held: Sequence[PublicKey]) -> Sequence[PublicKey]:
        """The keys, the environment's first with what is noted of it, if there is one."""
        signer = self._environment_signer(role)
        if signer is None:
            return held
        noted = [key for key in held if key.keyid == signer.public_key.keyid]
        known = noted[0] if noted else PublicKey(role=role, key=signer.public_key)
        first = replace(known, is_from_environment=True, signs_here=known.is_trusted)
        return [first, *(key for key in held if key not in noted)]

    def _refuse_revoked(self, role: str, signer: CryptoSigner) -> None:
        if any(key.keyid == signer.public_key.keyid and not key.is_trusted for key in self._held(role)):
            raise Trouble(f"The key in {variable_of(role)} was revoked; put another one there.")

    @staticmethod
    def _refuse_unknown(role: str) -> None:
        if role not in ROLES:
            raise Missing(f"There is no role {role}; there are {', '.join(ROLES)}.")


def variable_of(role: str) -> str:
    """The environment variable that may hold the role's private key."""
    return ENVIRONMENT_PREFIX + role.upper()


def _private_key_of(secret: str, name: str) -> Ed25519PrivateKey:
    """Read a PEM file's text (its line ends may be spelt out) or the base64 of a seed of 32 bytes."""
    try:
        if secret.startswith("-----"):
            private = load_pem_private_key(secret.replace("\\n", "\n").encode(), None)
        else:
            private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret, validate=True))
    except (ValueError, TypeError, binascii.Error):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise Trouble(f"{name} holds no Ed25519 key; give the text of a PEM file, or {SEED_BYTES} bytes in base64.")
    return private


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _now() -> datetime:
    return datetime.now(UTC)
