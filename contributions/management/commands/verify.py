"""manage.py verify FILE: who built it, from what, and by which key that is sworn."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from contributions.errors import Missing, Refusal
from contributions.models import Artifact, Attestation, SigningKey
from contributions.signing.keys import BUILDS, public_keys_of
from contributions.signing.verifying import prove

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from contributions.signing.keys import PublicKey

DOES_NOT_HOLD = 1


class Command(BaseCommand):
    help = (
        "Check a file against its signed provenance; exit code 0 if it holds, 1 if not. With --provenance and --keys"
        " nothing but these files is looked at; without them, what this portal keeps is."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--provenance", type=Path, metavar="FILE.json", help="as downloaded beside the file")
        parser.add_argument("--keys", type=Path, nargs="+", metavar="PEM", help="public keys that you trust")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            with given["file"].open("rb") as content:
                sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            envelope = given["provenance"].read_bytes() if given["provenance"] else _kept_provenance(sha256)
            keys = _keys_in(given["keys"]) if given["keys"] else _kept_keys()
            proof = prove(sha256, envelope, keys)
        except OSError as problem:
            raise CommandError(f"{problem.filename} cannot be read: {problem.strerror}.") from None
        except DatabaseError as problem:
            raise CommandError(f"This portal's database does not answer: {problem}") from None
        except Refusal as refusal:
            self.stderr.write(f"{given['file']} is NOT verified. {refusal.sentence}")
            sys.exit(DOES_NOT_HOLD)
        self.stdout.write(f"{given['file']} is verified.")
        for sentence in proof.sentences:
            self.stdout.write(sentence)


def _kept_provenance(sha256: str) -> bytes:
    """The newest signed provenance of a build that made these bytes. Raises Missing."""
    made = Attestation.objects.filter(build__artifacts__blob=sha256)
    signed = made.filter(state=Attestation.State.SIGNED).select_related("provenance")
    sworn: Attestation | None = signed.order_by("-build_id").first()
    if sworn is not None and sworn.provenance is not None:
        return sworn.provenance.read()
    if waiting := made.first():
        raise Missing(
            f"Build {waiting.build_id} made it, but its provenance is not signed yet. {waiting.sentence}".strip()
        )
    if uploaded := Artifact.objects.filter(blob=sha256, build=None).select_related("revision__contribution").first():
        raise Missing(f"It was uploaded as {uploaded.name} with {uploaded.revision}; this portal did not build it.")
    raise Missing("This portal knows no file with these bytes.")


def _kept_keys() -> list[PublicKey]:
    return [row.public for row in SigningKey.objects.of_role(BUILDS)]


def _keys_in(files: list[Path]) -> list[PublicKey]:
    return [key for file in files for key in public_keys_of(file.read_text(errors="replace"))]
