"""manage.py keys: the keys that this portal signs with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from contributions.errors import Refusal, Trouble
from contributions.management.ceremony import Ceremony, add_root_verbs
from contributions.models import Attestation, IndexFile
from contributions.models.index import TOP_ROLES, word_of_index
from contributions.pipeline import attesting, keyholding
from contributions.pipeline.keyholding import NAMED_BY_ROOT
from contributions.signing.keys import ROLES
from contributions.signing.roots import ROOT, facts_of
from contributions.tasks import ring, ring_for_index

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from contributions.signing.keys import PublicKey

RUNG = 200  # the sweep rings for the rest
ROOT_IS_HERE = (
    "The root key lies on this machine. That is fine for trying out; on a site in the open keep it on another one:"
    " whoever has it can name all the other keys."
)


class Command(BaseCommand):
    help = "Show, make, rotate or revoke the keys that this portal signs with, or have builds signed again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verbs.add_parser("show", help="all keys, newest first, and whether they can sign here")
        make = verbs.add_parser("make", help="make the keys of these roles; without any, those that never were")
        make.add_argument("roles", nargs="*", metavar="ROLE", help=", ".join(ROLES))
        rotate = verbs.add_parser("rotate", help="make a role's next key; the one before is trusted still")
        rotate.add_argument("role", metavar="ROLE")
        revoke = verbs.add_parser("revoke", help="take back all trust in a key and sign anew what it signed")
        revoke.add_argument("keyid", metavar="KEYID", help="or how it begins")
        revoke.add_argument("--reason", required=True, help="Everybody reads it.")
        add_root_verbs(verbs.add_parser("root", help="draft, sign and publish the root of the feed's index"))
        verbs.add_parser("sign-again", help="queue builds that are not signed, or were by a key that was revoked")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            getattr(self, given["verb"].replace("-", "_"))(given)
        except (Refusal, Trouble) as error:
            raise CommandError(error.sentence) from None

    def show(self, given: dict[str, Any]) -> None:
        keys = keyholding.key_store().show()
        for key in keys:
            self.stdout.write(f"{key.role:<10} {key.keyid} {_since(key):<11} {_state(key)}")
        if not keys:
            self.stdout.write("There are no keys here yet; manage.py keys make makes them.")
        if any(key.role == "root" and key.signs_here for key in keys):
            self.stdout.write(ROOT_IS_HERE)
        self._tell_of_waiting()
        self._tell_of_index()

    def make(self, given: dict[str, Any]) -> None:
        made = [keyholding.make_key(role) for role in given["roles"]]
        made += [] if given["roles"] else keyholding.make_first_keys()
        for key in made:
            self.stdout.write(f"{key.role}: {key.keyid}")
        if made:
            self.sign_again(given)

    def rotate(self, given: dict[str, Any]) -> None:
        key = keyholding.rotate_key(given["role"])
        self.stdout.write(f"{key.role}: {key.keyid}")
        self._tell_root(key.role)

    def root(self, given: dict[str, Any]) -> None:
        Ceremony(self.stdout.write).carry_out(given)

    def revoke(self, given: dict[str, Any]) -> None:
        again = keyholding.revoke_key(given["keyid"], given["reason"])
        self.stdout.write(f"Revoked. Attestations to be signed again: {again}. Make the next key if there is none.")
        self._ring()
        ring_for_index()

    def sign_again(self, given: dict[str, Any]) -> None:
        del given
        if again := attesting.sign_again():
            self.stdout.write(f"Queued to be signed: {again}.")
            self._ring()

    def _ring(self) -> None:
        ring(*Attestation.objects.waiting().order_by("pk")[:RUNG])

    def _tell_of_waiting(self) -> None:
        waiting = Attestation.objects.unsigned().order_by("-pk")
        if count := waiting.count():
            newest = waiting.first()
            self.stdout.write(f"Not signed: {count}. {newest.sentence if newest else ''}".rstrip())

    def _tell_root(self, role: str) -> None:
        """The signer follows by itself, except to a key that a root elsewhere has to name first."""
        ring_for_index()
        root = IndexFile.objects.newest(ROOT)
        if root and role in NAMED_BY_ROOT and not facts_of(bytes(root.content)).is_kept_here:
            self.stdout.write(
                "The index goes on with the key before until the next root names this one: keys root draft."
            )

    def _tell_of_index(self) -> None:
        for file in IndexFile.objects.newest_of_each().filter(role__in=TOP_ROLES):
            self.stdout.write(f"The index's {file.role} is good until {file.expires_at:%Y-%m-%d %H:%M} UTC.")
        if (word := word_of_index()) != "ok":
            self.stdout.write(f"The index: {word}.")


def _since(key: PublicKey) -> str:
    return f"{key.since:%Y-%m-%d}" if key.since else "environment"


def _state(key: PublicKey) -> str:
    if key.revoked:
        return f"revoked {key.revoked:%Y-%m-%d}: {key.reason}"
    if key.retired:
        return f"retired {key.retired:%Y-%m-%d}" + (", its private half is here still" if key.signs_here else "")
    return "signs" if key.signs_here else "its private half is not on this machine"
