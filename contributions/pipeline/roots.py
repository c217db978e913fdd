"""Under which root the index is signed: the newest one published whose keys are here, or one made here for a trial."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from contributions.errors import Clash, Invalid, Refusal, Trouble
from contributions.models import IndexFile
from contributions.models.index import database_time, lock_index
from contributions.signing import roots
from contributions.signing.roots import ONLINE, ROOT, Keys

from .keyholding import key_store, make_first_keys, make_key, tell, trusted_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from securesystemslib.signer import CryptoSigner, Key

    from contributions.signing.keys import KeyStore

log = logging.getLogger(__name__)

RELEASES = "releases"


@dataclass(frozen=True)
class Authority:
    """Who signs what. The root names the first three; `targets` names the key of the releases."""

    signers: Mapping[str, CryptoSigner]
    releases: CryptoSigner


def may_have_a_root() -> bool:
    """Whether there is a root, or the signer may make one for itself: not on a site in the open."""
    return not settings.HTTPS or IndexFile.objects.filter(role=ROOT).exists()


def authority_for(store: KeyStore, now: datetime) -> Authority | None:
    """Who signs the index now; takes up a root that waits. None as long as there is no root.

    Raises Trouble when the root's keys are not here.
    """
    root = _taken_up(store, IndexFile.objects.newest(ROOT))
    if root is None and not settings.HTTPS:
        root = _first_here(store, now)
    if root is None:
        return None
    root = _followed_here(store, root, now)
    _forget_unnamed(store, bytes(root.content))
    signers = _signers(store, bytes(root.content)) | {RELEASES: store.signer(RELEASES)}
    for role, signer in signers.items():
        trusted_key(role, signer)
    return Authority(signers, signers[RELEASES])


def draft_root(*, keys: Sequence[Key] = (), threshold: int | None = None) -> bytes:
    """The next root, unsigned: today's keys of the signer, and the given root keys or else those of the root before."""
    make_first_keys()
    last = _last()
    if last is None:
        if not keys:
            raise Invalid("Name the public root keys of the first root.")
        version, before = 1, 1
    else:
        content = bytes(last.content)
        version, before = last.version + 1, roots.facts_of(content).threshold
        keys = keys or roots.keys_of(content, ROOT)
    named = Keys(keys, threshold or min(before, len(keys)), _current_keys(key_store(), ONLINE))
    return roots.draft(version, _expiry(database_time()), named)


def publish_root(content: bytes) -> IndexFile:
    """Give a signed root to the signer, which takes it up with its next index. Raises Invalid, Clash, NotAllowed."""
    with transaction.atomic():
        lock_index()
        last = _last()
        roots.refuse_unsigned(content, bytes(last.content) if last else None, database_time())
        return _stored(content, waits=True)


def begin_here() -> IndexFile:
    """The first root, by a key that stays on this machine: good for a trial. Raises Clash when there is a root."""
    with transaction.atomic():
        lock_index()
        if _last() is not None:
            raise Clash("There is a root already; draft the next one.")
        make_first_keys()
        store = key_store()
        if not _current_keys(store, [ROOT])[ROOT]:
            make_key(ROOT)
        return _first_here(store, database_time())


def _taken_up(store: KeyStore, root: IndexFile | None) -> IndexFile | None:
    """The newest root whose online keys are here. One that cannot be served would shut every client out."""
    for waiting in IndexFile.objects.filter(role=ROOT, waits=True).order_by("version"):
        try:
            _signers(store, bytes(waiting.content))
        except Trouble as trouble:
            log.warning("Version %s of the root waits: %s", waiting.version, trouble.sentence)
            break
        IndexFile.objects.filter(pk=waiting.pk).update(waits=False)
        root = waiting
    return root


def _signers(store: KeyStore, content: bytes) -> dict[str, CryptoSigner]:
    online = roots.facts_of(content).online
    return {role: _first_signer(store, role, online[role]) for role in ONLINE}


def _first_signer(store: KeyStore, role: str, keyids: Iterable[str]) -> CryptoSigner:
    reason = ""
    for keyid in keyids:
        try:
            return store.signer(role, keyid)
        except Trouble as trouble:
            reason = trouble.sentence
    raise Trouble(f"No key that the root names for {role} signs here. {reason}".rstrip())


def _first_here(store: KeyStore, now: datetime) -> IndexFile:
    make_first_keys()
    return _stored(_signed_here(store, None, now))


def _forget_unnamed(store: KeyStore, content: bytes) -> None:
    """Remove the private halves of retired keys that the root has no use for any more."""
    online = roots.facts_of(content).online
    for held in store.show(*ONLINE):
        if held.signs_here and not held.is_current and held.keyid not in online[held.role]:
            store.forget(held.keyid)


def _followed_here(store: KeyStore, root: IndexFile, now: datetime) -> IndexFile:
    """The root, or the next one where its key is kept here and keys have changed or its end comes near."""
    before = roots.facts_of(bytes(root.content))
    online = {role: [key.keyid for key in keys] for role, keys in _current_keys(store, ONLINE).items()}
    same = (before.online, list(before.keyids)) == (online, [key.keyid for key in _current_keys(store, [ROOT])[ROOT]])
    if not before.is_kept_here or (same and not root.wears_out(now)):
        return root
    try:
        return _stored(_signed_here(store, root, now))
    except Refusal as refusal:
        log.warning("The root stays at version %s: %s", root.version, refusal.sentence)
        return root


def _signed_here(store: KeyStore, before: IndexFile | None, now: datetime) -> bytes:
    """A root signed by the root keys of this machine, those of the root before among them."""
    keys = _current_keys(store, [ROOT])[ROOT]
    named = Keys(keys, 1, _current_keys(store, ONLINE))
    content = roots.draft(before.version + 1 if before else 1, _expiry(now), named, is_kept_here=True)
    last = bytes(before.content) if before else None
    signing = {key.keyid for key in [*keys, *(roots.keys_of(last, ROOT) if last else [])]}
    content = roots.sign(content, _root_signers(store, sorted(signing)))
    roots.refuse_unsigned(content, last, now)
    return content


def _root_signers(store: KeyStore, keyids: Iterable[str]) -> Iterator[CryptoSigner]:
    for keyid in keyids:
        with suppress(Trouble):
            yield store.signer(ROOT, keyid)


def _current_keys(store: KeyStore, roles: Iterable[str]) -> dict[str, Sequence[Key]]:
    """The one key of each role that is in use now; none where it has to be made."""
    return {role: [held.key for held in store.show(role) if held.is_current][:1] for role in roles}


def _expiry(now: datetime) -> datetime:
    return (now + timedelta(days=settings.INDEX_ROOT_DAYS)).replace(microsecond=0)


def _last() -> IndexFile | None:
    """The newest root, be it taken up or not."""
    return IndexFile.objects.filter(role=ROOT).order_by("-version").first()


def _stored(content: bytes, *, waits: bool = False) -> IndexFile:
    facts = roots.facts_of(content)
    tell(f"published version {facts.version} of the index's root, whose SHA-256 is {facts.sha256}")
    return IndexFile.objects.create(
        role=ROOT, version=facts.version, content=content, expires_at=facts.expires, waits=waits
    )
