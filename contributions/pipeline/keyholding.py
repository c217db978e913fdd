"""Holding the keys: made on a new site, known to everybody by their public half, asked for by the signer alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Missing, Trouble
from contributions.models import Attestation, Event, SigningKey
from contributions.signing.keys import ROLES, KeyStore

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

    from contributions.models import Person
    from contributions.signing.keys import PublicKey

OFFLINE = frozenset({"root"})  # a site in the open keeps it elsewhere
# What a root names signs on until the next root names the key that follows; the signer forgets it then.
NAMED_BY_ROOT = frozenset({"root", "targets", "snapshot", "timestamp"})


def key_store() -> KeyStore:
    """The keys of this machine; only commands and the process that signs ask it for a private one."""
    return KeyStore(settings.KEYS_DIR, os.environ)


def signer_of(role: str) -> CryptoSigner:
    """The key that signs for the role, its public half known to everybody; on a new site it is made now.

    Raises Trouble when it is not here, cannot be used or was revoked.
    """
    make_first_keys()
    signer = key_store().signer(role)
    with transaction.atomic():
        trusted_key(role, signer)
    return signer


def trusted_key(role: str, signer: CryptoSigner) -> SigningKey:
    """The row of the signer's key, locked so that it cannot be revoked meanwhile. Raises Trouble when it was."""
    keyid = signer.public_key.keyid
    mine = SigningKey.objects.of_role(role).select_for_update().filter(keyid=keyid)
    key = mine.first() or _begin_with(role, keyid)
    if not key.is_trusted:
        raise Trouble(f"The key for {role} was revoked; run manage.py keys rotate {role}.")
    return key


def _begin_with(role: str, keyid: str) -> SigningKey:
    """A key that nobody knows yet was put into the environment, or beside the others, to replace the one before."""
    _write_down(key_store(), f"began to use the key {keyid} for {role}", role)
    return SigningKey.objects.select_for_update().get(role=role, keyid=keyid)


def make_first_keys() -> list[PublicKey]:
    """On a new site, the keys that signing needs at once.

    A role that ever had a key gets no other behind the operator's back: its files may only be out of reach. The root
    key is made on a site for trying out alone; in the open it is kept elsewhere.
    """
    known = set(SigningKey.objects.values_list("role", flat=True).order_by("role").distinct())
    wanted = [role for role in ROLES if role not in known and not (settings.HTTPS and role in OFFLINE)]
    if not wanted:
        return []
    store = key_store()
    made = store.make_missing(wanted)
    _write_down(store, "made " + ", ".join(f"the key {key.keyid} for {key.role}" for key in made) if made else "")
    return made


def make_key(role: str) -> PublicKey:
    """Raises Clash when the role has a key, Trouble when it cannot be kept."""
    store = key_store()
    made = store.make(role)
    _write_down(store, f"made the key {made.keyid} for {role}", role)
    return made


def rotate_key(role: str) -> PublicKey:
    """Make the role's next key. The one before is trusted still, but nothing can be signed with it again.

    The private half of a key that the root names stays for as long as it is named; that of the root itself stays
    until it is forgotten, because the next root is signed by both.
    """
    store = key_store()
    before = [key.keyid for key in store.show(role) if key.is_current]
    made = store.rotate(role)
    _write_down(store, f"rotated the key for {role} to {made.keyid}", role)
    for keyid in before if role not in NAMED_BY_ROOT else ():
        store.forget(keyid)
    return made


def revoke_key(keyid: str, reason: str) -> int:
    """Take back all trust in a key, here and wherever pages tell of it, and have what it signed signed again.

    Returns how many attestations that are. Raises Missing for a key that nobody knows, Invalid without a reason.
    """
    store = key_store()
    known = SigningKey.objects.filter(keyid__startswith=keyid) if keyid else SigningKey.objects.none()
    try:
        revoked = store.revoke(keyid, reason)
    except Missing:
        if known.count() != 1:
            raise
        known.update(revoked_at=Now(), reason=reason.strip())
    else:
        known = SigningKey.objects.filter(keyid=revoked.keyid, role=revoked.role)
    with transaction.atomic():
        publish_keys(store)
        key = known.select_for_update().get()
        tell(f"revoked the key {key.keyid} for {key.role}: {key.reason}")
        return Attestation.objects.filter(key=key).queue_again()


def _write_down(store: KeyStore, what: str, role: str = "") -> None:
    """Tell everybody; keys of `role` that are not here any more are retired."""
    with transaction.atomic():
        publish_keys(store)
        here = [key.keyid for key in store.show(role)] if role else []
        SigningKey.objects.of_role(role).filter(retired_at=None).exclude(keyid__in=here).update(retired_at=Now())
        if what:
            tell(what)


def publish_keys(store: KeyStore) -> None:
    """Copy what this machine's files tell of its keys to where every page and process can read it.

    A file that lags behind takes nothing back: what is retired or revoked stays so.
    """
    for key in reversed(store.show()):
        told: dict[str, Any] = {"since": key.since, "retired_at": key.retired, "revoked_at": key.revoked}
        told = {name: moment for name, moment in told.items() if moment is not None}
        if key.reason:
            told["reason"] = key.reason
        SigningKey.objects.update_or_create(role=key.role, keyid=key.keyid, defaults={"pem": key.pem, **told})


def tell(what: str, *, by: Person | None = None) -> None:
    """Write into the history what became of a key."""
    Event.objects.write(Event.Verb.KEYS_CHANGED, actor=by, text=what)
