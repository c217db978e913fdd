"""manage.py keys root: the root of trust of the index, from a draft by way of the holders of its keys to clients."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contributions.errors import Invalid, Trouble
from contributions.models import IndexFile
from contributions.pipeline.roots import begin_here, draft_root, publish_root
from contributions.signing import roots
from contributions.signing.keys import key_of_pem
from contributions.tasks import ring_for_index

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from contributions.signing.roots import RootFacts

FACTS = """\
Version    {facts.version}
Good until {facts.expires:%Y-%m-%d}
SHA-256    {facts.sha256}
Root keys  {facts.threshold} of {keys} must sign the next root\
"""


def add_root_verbs(parser: ArgumentParser) -> None:
    """Add what can be done with a root, below `keys root`."""
    verbs = parser.add_subparsers(dest="root_verb", required=True, metavar="VERB")
    verbs.add_parser("init", help="for a trial: make the first root by a key that stays on this machine")
    draft = verbs.add_parser("draft", help="write the next root, unsigned, to be carried to the root keys")
    draft.add_argument("--key", action="append", default=[], metavar="PEM", help="a public root key; once for each")
    draft.add_argument("--threshold", type=int, metavar="N", help="how many of them must sign")
    draft.add_argument("--to", default="root.json", metavar="FILE")
    sign = verbs.add_parser("sign", help="add a signature; needs no database and no network")
    sign.add_argument("file", metavar="FILE")
    sign.add_argument("key", metavar="KEY", help="the private root key, in PEM form")
    publish = verbs.add_parser("publish", help="check the signatures and give the root to the signer")
    publish.add_argument("file", metavar="FILE")
    show = verbs.add_parser("show", help="what a root says: FILE, or the one that clients get now")
    show.add_argument("file", nargs="?", metavar="FILE")


class Ceremony:
    """Carries out one verb; raises Refusal and Trouble with sentences for whoever stands at the terminal."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def carry_out(self, given: dict[str, Any]) -> None:
        getattr(self, given["root_verb"])(given)

    def init(self, given: dict[str, Any]) -> None:
        del given
        self._tell(roots.facts_of(bytes(begin_here().content)))
        self._write("Its key lies on this machine: good for a trial. docs/tuf.md tells how to keep it elsewhere.")
        ring_for_index()

    def draft(self, given: dict[str, Any]) -> None:
        keys = [key_of_pem(_read(name)) for name in given["key"]]
        content = draft_root(keys=keys, threshold=given["threshold"])
        _write(given["to"], content)
        self._tell(roots.facts_of(content))
        self._write(f"Carry {given['to']} to the root keys: manage.py keys root sign {given['to']} KEY")

    def sign(self, given: dict[str, Any]) -> None:
        content, pem = _read(given["file"]), _read(given["key"])
        password = getpass.getpass(f"Password of {given['key']}: ").encode() if roots.is_locked(pem) else None
        content = roots.sign(content, [roots.signer_of(pem, password)])
        _write(given["file"], content)
        self._tell(roots.facts_of(content))

    def publish(self, given: dict[str, Any]) -> None:
        root = publish_root(_read(given["file"]))
        self._write(f"Version {root.version} of the root is published; the signer takes it up with its next index.")
        ring_for_index()

    def show(self, given: dict[str, Any]) -> None:
        root = None if given["file"] else IndexFile.objects.newest(roots.ROOT)
        if root is None and not given["file"]:
            raise Invalid("There is no root yet.")
        self._tell(roots.facts_of(bytes(root.content) if root else _read(given["file"])))

    def _tell(self, facts: RootFacts) -> None:
        self._write(FACTS.format(facts=facts, keys=len(facts.keyids)))
        for keyid in facts.keyids:
            self._write(f"  {keyid} {'signed' if keyid in facts.signed_by else 'has not signed'}")
        for keyid in sorted(set(facts.signed_by) - set(facts.keyids)):
            self._write(f"  {keyid} signed, and is no root key here: of the root before, or a mistake")


def _read(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(roots.LARGEST + 1)
    except OSError as problem:
        raise Trouble(f"{name} cannot be read: {problem.strerror}.") from None


def _write(name: str, content: bytes) -> None:
    """Whole or not at all: a half-written root has cost somebody a journey."""
    draft = Path(f"{name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(name)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        raise Trouble(f"{name} cannot be written: {problem.strerror}.") from None
