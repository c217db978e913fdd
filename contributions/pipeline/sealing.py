"""Sealing the history: each stretch of its lines is hashed, chained to the stretch before, and signed.

A seal keeps the hash of every line, so that a check names the first one that was changed, removed or put in between.
Only lines are sealed that no late transaction can come before: numbers are given out in order but commit in any. A
transaction that holds a number has begun before that line was written, and the database tells when the oldest one that
writes began. So lines older than that, and than SETTLED, are complete.
"""

from __future__ import annotations

import hashlib
import json
import logging
import struct
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from contributions.errors import Refusal
from contributions.models import Event, Seal, SigningKey
from contributions.signing import envelopes
from contributions.signing.keys import HISTORY, key_of_pem

from .keyholding import signer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from securesystemslib.signer import CryptoSigner, SSlibKey

log = logging.getLogger(__name__)

PAYLOAD = "application/vnd.patchbay.history-seal+json"
MOST_LINES = 5000  # under one seal: 200 KB of hashes
SETTLED = timedelta(seconds=30)  # from taking a number to being seen as a transaction that writes: microseconds
MARGIN = timedelta(seconds=1)  # a line's time is taken a moment before or after its number
SEAL_LOCK = 0x7365616C  # "seal": any number that nothing else in this database locks
BEFORE_THE_FIRST = "0" * 64
LINE = struct.Struct(">q32s")
FIELDS = tuple(sorted(field.attname for field in Event._meta.concrete_fields))
OLDEST_WRITER = """
SELECT clock_timestamp(), (
    SELECT min(xact_start) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
)
"""


def canonical(row: dict[str, Any]) -> bytes:
    """One line as JSON: sorted keys, no spaces, times in UTC. What is empty is left out: columns may be added."""
    told = {name: value for name, value in row.items() if value not in (None, "")}
    told["at"] = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chained(before: str, lines: bytes) -> str:
    return hashlib.sha256(bytes.fromhex(before) + lines).hexdigest()


def seal() -> int:
    """Seal what is complete and not sealed yet; returns how many seals were made. Raises Trouble without a key."""
    until = _complete_until()
    waiting = Event.objects.filter(pk__gt=_last_sealed()).order_by("pk").values_list("at", flat=True).first()
    if waiting is None or waiting >= until:
        return 0
    signer, made = signer_of(HISTORY), 0
    while _seal_next(until, signer):
        made += 1
    return made


def _last_sealed() -> int:
    return Seal.objects.order_by("-last").values_list("last", flat=True).first() or 0


def _complete_until() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_WRITER)
        now, oldest = cursor.fetchone()
    settled: datetime = now - SETTLED
    return min(settled, oldest - MARGIN) if oldest else settled


def _seal_next(until: datetime, signer: CryptoSigner) -> bool:
    """One stretch; False when another signer is at it, or when nothing is left."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEAL_LOCK])
        if not cursor.fetchone()[0]:
            return False
        before = Seal.objects.order_by("-last").first()
        rows = Event.objects.filter(pk__gt=before.last if before else 0).order_by("pk").values(*FIELDS)[:MOST_LINES]
        hashed = list(_hashed(takewhile(lambda row: row["at"] < until, rows.iterator())))
        if not hashed:
            return False
        lines = b"".join(LINE.pack(*line) for line in hashed)
        previous = before.digest if before else BEFORE_THE_FIRST
        told = {
            "first": hashed[0][0],
            "last": hashed[-1][0],
            "count": len(hashed),
            "previous": previous,
            "digest": chained(previous, lines),
        }
        signed = envelopes.seal(_payload(told), PAYLOAD, signer).decode()
        kept = {name: told[name] for name in ("first", "last", "count", "digest")}
        Seal.objects.create(**kept, lines=lines, envelope=signed)
    return True


def _payload(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def _hashed(rows: Iterator[dict[str, Any]]) -> Iterator[tuple[int, bytes]]:
    for row in rows:
        yield row["id"], hashlib.sha256(canonical(row)).digest()


def first_fault() -> str:
    """A sentence on the first thing in the sealed history that is not as it was sealed; empty when all is."""
    keys = [key_of_pem(key.pem.encode()) for key in SigningKey.objects.of_role(HISTORY).trusted()]
    previous, last = BEFORE_THE_FIRST, 0
    for sealed in Seal.objects.order_by("last").iterator(chunk_size=10):
        fault = _fault_of_seal(sealed, previous, keys) or _fault_of_lines(sealed, last)
        if fault:
            return fault
        previous, last = sealed.digest, sealed.last
    return ""


def _fault_of_seal(sealed: Seal, previous: str, keys: list[SSlibKey]) -> str:
    lines = bytes(sealed.lines)
    if chained(previous, lines) != sealed.digest:
        return f"The seal over lines {sealed.first} to {sealed.last} does not continue the one before it."
    told = {name: getattr(sealed, name) for name in ("first", "last", "count", "digest")}
    try:
        opened = envelopes.unseal(sealed.envelope.encode(), PAYLOAD, keys)
    except Refusal as refusal:
        return f"The seal over lines {sealed.first} to {sealed.last} cannot be trusted. {refusal.sentence}"
    if opened.payload != _payload({**told, "previous": previous}):
        return f"The seal over lines {sealed.first} to {sealed.last} is not what was signed."
    if len(lines) != sealed.count * LINE.size:
        return f"The seal over lines {sealed.first} to {sealed.last} has not as many hashes as it has lines."
    return ""


def _fault_of_lines(sealed: Seal, after: int) -> str:
    """Compare the lines after `after`, up to the seal's last, with the hashes under the seal."""
    rows = Event.objects.filter(pk__gt=after, pk__lte=sealed.last).order_by("pk")
    there = _hashed(rows.values(*FIELDS).iterator(chunk_size=MOST_LINES))
    for number, digest in LINE.iter_unpack(bytes(sealed.lines)):
        found, now = next(there, (0, b""))
        if found and found < number:
            return f"Line {found} was put in after the lines around it were sealed."
        if found != number:
            return f"Line {number} was removed."
        if now != digest:
            return f"Line {number} was changed."
    extra = next(there, None)
    return f"Line {extra[0]} was put in after the lines around it were sealed." if extra else ""
