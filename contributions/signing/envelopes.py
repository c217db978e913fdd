"""DSSE envelopes (secure-systems-lab/dsse, v1): bytes of a stated type, and the signature over both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError

from contributions.errors import Invalid, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from securesystemslib.signer import CryptoSigner, SSlibKey

MOST_BYTES = 16 << 20  # provenance is some kilobytes; a recipe's scripts are in it


@dataclass(frozen=True)
class Opened:
    """What was in an envelope, and the key whose signature on it holds."""

    payload: bytes
    keyid: str


def seal(payload: bytes, payload_type: str, signer: CryptoSigner) -> bytes:
    """The envelope as JSON; the same payload and key give the same bytes, for Ed25519 uses no chance."""
    envelope = Envelope(payload, payload_type, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), indent=1).encode() + b"\n"


def signers_of(envelope: bytes) -> list[str]:
    """The ids of the keys that are said to have signed; nothing is checked yet. Raises Invalid."""
    return list(_read(envelope).signatures)


def unseal(envelope: bytes, payload_type: str, keys: Sequence[SSlibKey]) -> Opened:
    """What one of the keys has signed. Raises Invalid for what is no envelope, NotAllowed when no signature holds."""
    read = _read(envelope)
    if read.payload_type != payload_type:
        raise Invalid(f"The envelope holds {read.payload_type[:100]!r}, not {payload_type}.")
    if not set(read.signatures) & {key.keyid for key in keys}:
        named = ", ".join(keyid[:16] for keyid in read.signatures) or "nobody"
        raise NotAllowed(f"It is signed by {named}, which is none of the keys that are trusted here.")
    try:
        accepted = read.verify(list(keys), threshold=1)
    except VerificationError:
        raise NotAllowed("The signature does not hold: the envelope was changed after it was signed.") from None
    return Opened(read.payload, next(iter(accepted)))


def _read(envelope: bytes) -> Envelope:
    if len(envelope) > MOST_BYTES:
        raise Invalid("This is no signed provenance: it is too large.")
    try:
        return Envelope.from_dict(json.loads(envelope))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Invalid("This is no signed provenance: a DSSE envelope in JSON was expected.") from None
