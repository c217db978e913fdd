"""How a stack that was laid is kept and told: each patch in its place, each pair, and what became of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contributions.checkout.stacking import Laid, Meeting, State
from contributions.plaintext import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contributions.checkout.stacking import Pair, Survey
    from contributions.models import Assembly, Revision

MOST_PATHS = 200  # of one conflict or pair that are kept
MOST_TOLD = 3  # that a sentence names


def entry_of(laid: Laid, revisions: Mapping[int, Revision], row: Assembly, survey: Survey) -> dict[str, Any]:
    """One line of the order: what was laid, as which commit, and why it is here."""
    revision = revisions[laid.number]
    return {
        "contribution": laid.number,
        "revision": revision.number,
        "pk": revision.pk,
        "commit": laid.commit,
        "tree": laid.tree,
        "state": str(laid.state),
        "alone": str(laid.alone),
        "commits": laid.commits,
        "squashed": laid.squashed,
        "holder": laid.holder,
        "against": list(laid.against),
        "paths": [clean(path) for path in laid.paths[:MOST_PATHS]],
        "why": _why(laid, row, survey, revisions),
    }


def _why(laid: Laid, row: Assembly, survey: Survey, revisions: Mapping[int, Revision]) -> str:
    """What became of it, or else why it stands where it does."""
    if laid.state == State.UPSTREAM:
        return f"#{laid.holder} has it already." if laid.holder else f"{row.release.name} has it already."
    if laid.state == State.CONFLICTS:
        return _conflict(laid, row, revisions)
    reasons = [*_places(laid, row, survey)]
    if laid.squashed:
        reasons.append("Its commits do not fit one by one, so they are laid as one.")
    return " ".join(reasons)


def _places(laid: Laid, row: Assembly, survey: Survey) -> list[str]:
    needs = next(one["needs"] for one in row.asked if one["contribution"] == laid.number)
    on = [first for first, second in survey.bases if second == laid.number and first not in needs]
    only = [pair.first for _, pair in survey.pairs_of(laid.number) if pair.first not in {0, laid.number, *needs, *on}]
    told = (("Depends on", needs), ("Was made on", on), ("Merges only after", sorted(set(only))))
    return [f"{words} {_numbers(numbers)}." for words, numbers in told if numbers]


def _conflict(laid: Laid, row: Assembly, revisions: Mapping[int, Revision]) -> str:
    others = [f"#{other} v{revisions[other].number}" for other in laid.against]
    whom = _listed(others) if others else f"{row.release.name} itself"
    paths = _listed([clean(path) for path in laid.paths])
    return f"#{laid.number} v{revisions[laid.number].number} conflicts with {whom} in {paths}."


def _numbers(numbers: Sequence[int]) -> str:
    return _listed([f"#{number}" for number in numbers])


def _listed(words: Sequence[str]) -> str:
    """“a, b and c”, or “a, b, c and 4 more”."""
    shown, more = list(words[:MOST_TOLD]), len(words) - MOST_TOLD
    if more > 0:
        return ", ".join(shown) + f" and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]])) or "no file"


def pair_data(pair: Pair) -> dict[str, Any]:
    """Two patches that change the same files, as an assembly keeps it."""
    return {
        "a": pair.a,
        "b": pair.b,
        "files": [clean(path) for path in pair.files[:MOST_PATHS]],
        "meeting": str(pair.meeting),
        "first": pair.first,
        "conflicts": pair.meeting == Meeting.CONFLICT,
        "paths": [clean(path) for path in pair.paths[:MOST_PATHS]],
    }


def sentence_of(row: Assembly, order: Sequence[Mapping[str, Any]]) -> str:
    """What became of one that is whole."""
    on = sum(entry["state"] == State.APPLIED for entry in order)
    there = len(order) - on
    if not on:
        return f"{row.release.name} has all of it: nothing is left to lay."
    told = f"{on} {'patch is' if on == 1 else 'patches are'} laid onto {row.release.name}"
    return f"{told}; {there} {'was' if there == 1 else 'were'} there already." if there else f"{told}."


def conflict_sentence(order: Sequence[Mapping[str, Any]]) -> str:
    """The first conflict by name, how many more there are, and the order that was tried."""
    found = [entry for entry in order if entry["state"] == State.CONFLICTS]
    more = f" {len(found) - 1} more do not fit." if len(found) > 1 else ""
    tried = " The order that was tried: " + _order(order) + "."
    return f"{found[0]['why']}{more}{tried}"


def _order(order: Sequence[Mapping[str, Any]]) -> str:
    numbers = [f"#{entry['contribution']}" for entry in order]
    return ", ".join(numbers[:30]) + (" …" if len(numbers) > 30 else "")  # noqa: PLR2004 - a line or two of them
