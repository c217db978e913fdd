"""The Developer Certificate of Origin: whether each commit carries its author's “Signed-off-by”."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SIGNED = re.compile(r"^Signed-off-by:[^\n<]*<([^<>\s]+)>[ \t]*$", re.MULTILINE | re.IGNORECASE)
ADDRESS = re.compile(r"<([^<>\s]+)>\Z")


def unsigned(commits: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The subjects of the commits that their authors did not sign off; one author, one mail address."""
    return tuple(commit["subject"] for commit in commits if not _is_signed(commit["author"], commit["body"]))


def _is_signed(author: str, body: str) -> bool:
    address = ADDRESS.search(author)
    signers = {signer.casefold() for signer in SIGNED.findall(body)}
    return address is not None and address[1].casefold() in signers
