"""The root of trust of the index: who may sign what, drafted here, signed wherever its keys are kept, checked here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Role, Root
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from contributions.errors import Clash, Invalid, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from securesystemslib.signer import Key, Signer

ROOT = "root"
ONLINE = ("targets", "snapshot", "timestamp")  # what the signer signs; "releases" is delegated to by "targets"
KEPT = "x-root-key"  # a field of ours, which clients do not read and which is signed with the rest
ON_THE_PORTAL = "kept on the portal"
LARGEST = 512_000  # bytes; the stock client takes no larger root


@dataclass(frozen=True)
class Keys:
    """Whom a root names: its own keys, of which `threshold` must sign the next root, and those of the other roles."""

    root: Sequence[Key]
    threshold: int
    online: Mapping[str, Sequence[Key]]


@dataclass(frozen=True)
class RootFacts:
    """What there is to say of a root, without its keys' bytes."""

    version: int
    expires: datetime
    threshold: int
    keyids: Sequence[str]
    signed_by: Sequence[str]
    online: Mapping[str, Sequence[str]]
    is_kept_here: bool
    sha256: str


def draft(version: int, expires: datetime, keys: Keys, *, is_kept_here: bool = False) -> bytes:
    """An unsigned root. Raises Invalid when the threshold cannot be met or a role has no key."""
    if not 1 <= keys.threshold <= len(keys.root):
        raise Invalid(f"A threshold of {keys.threshold} needs as many root keys; there are {len(keys.root)}.")
    if missing := [role for role in ONLINE if not keys.online.get(role)]:
        raise Invalid(f"There is no key for {', '.join(missing)}; run manage.py keys make {missing[0]} first.")
    root = Root(version, expires=expires.astimezone(UTC), roles=_empty_roles(), consistent_snapshot=True)
    for role, named in ((ROOT, keys.root), *((role, keys.online[role]) for role in ONLINE)):
        for key in named:
            root.add_key(key, role)
    root.roles[ROOT].threshold = keys.threshold
    if is_kept_here:
        root.unrecognized_fields[KEPT] = ON_THE_PORTAL
    return _written(Metadata(root))


def sign(content: bytes, signers: Iterable[Signer]) -> bytes:
    """Add signatures to what is signed so far. Whether they suffice is `refuse_unsigned`'s to say."""
    metadata = read(content)
    for signer in signers:
        metadata.sign(signer, append=True)
    return _written(metadata)


def signer_of(pem: bytes, password: bytes | None = None) -> CryptoSigner:
    """Raises Invalid when these bytes are no Ed25519 private key, or the password does not open them."""
    try:
        private = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise Invalid(f"The private key cannot be read: {problem}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise Invalid("This is no Ed25519 private key in PEM form.")
    return CryptoSigner(private)


def is_locked(pem: bytes) -> bool:
    """Whether a password is needed to use the private key."""
    return b"ENCRYPTED" in pem


def refuse_unsigned(content: bytes, before: bytes | None, now: datetime) -> None:
    """Raise unless clients that trust `before` (None for the first root) will follow to this one.

    Raises Invalid for what is no usable root, Clash for one that does not follow, NotAllowed for too few signatures.
    """
    metadata, previous = read(content), _root(before) if before else None
    root = metadata.signed
    if root.expires <= now:
        raise Invalid(f"This root expired on {root.expires:%Y-%m-%d}.")
    if not root.consistent_snapshot:
        raise Invalid("This root is not of an index with consistent snapshots.")
    if role := next((role for role in ONLINE if root.roles[role].threshold != 1 or not root.roles[role].keyids), None):
        raise Invalid(f"The signer signs alone: {role} needs a key and a threshold of 1.")
    expected = previous.version + 1 if previous else 1
    if root.version != expected:
        raise Clash(f"This is version {root.version} of the root; the next one is version {expected}.")
    result = root.get_root_verification_result(previous, metadata.signed_bytes, metadata.signatures)
    for whose, part in (("of the root before", result.first), ("of this root", result.second)):
        if not part and (previous or part is result.second):
            keys = len(part.signed) + len(part.unsigned)
            raise NotAllowed(f"Of the {keys} root keys {whose}, {len(part.signed)} signed; {part.threshold} must.")


def read(content: bytes) -> Metadata[Root]:
    """Raises Invalid when these bytes are no root."""
    try:
        metadata = Metadata[Root].from_bytes(content) if len(content) <= LARGEST else None
    except DeserializationError:
        metadata = None
    if metadata is None or not isinstance(metadata.signed, Root):
        raise Invalid("This is no root of an index.")
    return metadata


def facts_of(content: bytes) -> RootFacts:
    metadata = read(content)
    root = metadata.signed
    return RootFacts(
        version=root.version,
        expires=root.expires,
        threshold=root.roles[ROOT].threshold,
        keyids=root.roles[ROOT].keyids,
        signed_by=[signature.keyid for signature in metadata.signatures.values() if signature.signature],
        online={role: root.roles[role].keyids for role in ONLINE},
        is_kept_here=root.unrecognized_fields.get(KEPT) == ON_THE_PORTAL,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def keys_of(content: bytes, role: str) -> list[Key]:
    """The keys that the root names for the role."""
    root = _root(content)
    return [root.keys[keyid] for keyid in root.roles[role].keyids]


def _root(content: bytes) -> Root:
    return read(content).signed


def _empty_roles() -> dict[str, Role]:
    return {role: Role([], 1) for role in (ROOT, *ONLINE)}


def _written(metadata: Metadata[Root]) -> bytes:
    """For people to read before they sign it."""
    return metadata.to_bytes(JSONSerializer(compact=False)) + b"\n"
