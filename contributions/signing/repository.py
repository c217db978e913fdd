"""The index of the feed as The Update Framework writes it: plain values in, signed files out.

The format is that of the TUF specification 1.0.31: consistent snapshots, one delegated role per release.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

from contributions.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from securesystemslib.signer import Key, Signer

TARGETS, SNAPSHOT, TIMESTAMP = "targets", "snapshot", "timestamp"


@dataclass(frozen=True)
class Target:
    """A file that may be installed; `about` travels with it, for whoever wants to know more."""

    path: str
    sha256: str
    size: int
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Delegation:
    """The role that speaks for all paths that match `pattern`, and for no others."""

    role: str
    pattern: str


@dataclass(frozen=True)
class Version:
    """What a snapshot or a timestamp says of a file: no other bytes pass for this version of the role."""

    version: int
    size: int
    sha256: str

    @staticmethod
    def of(version: int, content: bytes) -> Version:
        return Version(version, len(content), hashlib.sha256(content).hexdigest())

    def as_meta(self) -> MetaFile:
        return MetaFile(self.version, self.size, {"sha256": self.sha256})


def release_file(version: int, expires: datetime, targets: Iterable[Target], signer: Signer) -> bytes:
    """The file of one release: everything of it that may be installed."""
    found = {
        target.path: TargetFile(target.size, {"sha256": target.sha256}, target.path, {"custom": dict(target.about)})
        for target in targets
    }
    return _signed(Targets(version, expires=_utc(expires), targets=found), signer)


def targets_file(
    version: int, expires: datetime, delegations: Sequence[Delegation], keys: Sequence[Key], signer: Signer
) -> bytes:
    """The file that vouches for nothing itself and says which role speaks for which paths."""
    keyids = [key.keyid for key in keys]
    roles = {
        given.role: DelegatedRole(given.role, keyids, threshold=1, terminating=True, paths=[given.pattern])
        for given in delegations
    }
    delegated = Delegations({key.keyid: key for key in keys}, roles)
    return _signed(Targets(version, expires=_utc(expires), delegations=delegated), signer)


def snapshot_file(version: int, expires: datetime, files: Mapping[str, Version], signer: Signer) -> bytes:
    """Which version of `targets` and of every release's role belong together."""
    meta = {f"{role}.json": files[role].as_meta() for role in sorted(files)}
    return _signed(Snapshot(version, expires=_utc(expires), meta=meta), signer)


def timestamp_file(version: int, expires: datetime, snapshot: Version, signer: Signer) -> bytes:
    """Which snapshot is the newest, said anew every so often so that nobody can hold it back."""
    return _signed(Timestamp(version, expires=_utc(expires), snapshot_meta=snapshot.as_meta()), signer)


def files_of_snapshot(content: bytes) -> dict[str, Version]:
    """What a snapshot of ours says of each role."""
    try:
        meta = Metadata[Snapshot].from_bytes(content).signed.meta
        return {
            name.removesuffix(".json"): Version(said.version, said.length or 0, (said.hashes or {})["sha256"])
            for name, said in meta.items()
        }
    except (DeserializationError, AttributeError, KeyError) as problem:
        raise Trouble(f"The newest snapshot of the index cannot be read: {problem}") from None


def _signed(payload: Any, signer: Signer) -> bytes:
    metadata: Metadata[Any] = Metadata(payload)
    metadata.sign(signer)
    return metadata.to_bytes()


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
