"""Every writing verb is paced, or it is written down why not."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTIONS = settings.BASE_DIR / "contributions" / "actions"
WHO = {"person", "author", "reviewer", "reporter", "moderator", "founder", "actor"}
PART_OF_A_VERB = "no verb of its own: another one, which is paced, has it noted"
BRAKE = "staff alone, and the brake must never wait"
EXEMPT = {
    "belonging.changed_hands": PART_OF_A_VERB,
    "belonging.owners_changed": PART_OF_A_VERB,
    "belonging.note_owners": PART_OF_A_VERB,
    "ruling.note_rules": PART_OF_A_VERB,
    "ruling.note_maintainers": PART_OF_A_VERB,
    "ruling.write_down": PART_OF_A_VERB,
    "ruling.refuse_others": "reads only",
    "watching.look_ahead": "writes nothing, and is paced by pace_looking",
    "withdrawing.take_out": PART_OF_A_VERB,
    "telling.tell": PART_OF_A_VERB,
    "quarantining.refuse_in_quarantine": "reads only",
    "sources.revision_claimed": "reads only",
    "submitting.sent_once": "reads only",
    "pacing.pace_looking": "the pace of what writes nothing",
    "commenting.previewed": "writes nothing, and is paced by pace_looking",
    "quarantining.quarantine": BRAKE,
    "quarantining.restore": BRAKE,
    "quarantining.quarantine_publication": BRAKE,
    "quarantining.restore_publication": BRAKE,
    "issuing.revoke_token": "a leak is closed at once, and nobody has more than 50 tokens",
    "viewing.mark_viewed": "sets one row of one's own a file, which nobody else sees",
    "subscribing.choose_mail": "sets one row of one's own",
    "remarking.discard": "throws away what nobody else has seen, of which nobody has more than 200",
    "subscribing.choose_rules": "sets one row of one's own",
    "subscribing.mark_read": "notes what one has read",
    "subscribing.open_notification": "notes what one has read",
    "following.thing_called": "reads only",
}


def functions() -> Iterator[tuple[str, dict[str, ast.FunctionDef]]]:
    for path in sorted(ACTIONS.glob("*.py")):
        body = ast.parse(path.read_text()).body
        yield path.stem, {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def called(node: ast.AST) -> set[str]:
    names = (call.func for call in ast.walk(node) if isinstance(call, ast.Call))
    return {name.id for name in names if isinstance(name, ast.Name)}


def paces(name: str, there: dict[str, ast.FunctionDef]) -> bool:
    """Whether the function, or one of its module that it calls, paces."""
    inner = called(there[name])
    return "pace" in inner or any(paces(other, there) for other in inner & set(there) - {name})


def test_every_verb_is_paced_or_told_why_not() -> None:
    unpaced = set()
    for module, there in functions():
        for name, node in there.items():
            by = {given.arg for given in node.args.kwonlyargs} | {given.arg for given in node.args.args}
            if not name.startswith("_") and by & WHO and name != "pace" and not paces(name, there):
                unpaced.add(f"{module}.{name}")
    assert unpaced - set(EXEMPT) == set()
    assert set(EXEMPT) <= unpaced, "what is paced needs no excuse"


@pytest.mark.django_db
@pytest.mark.attack("W11")
def test_whoever_does_it_without_end_is_told_when_to_come_back() -> None:
    person, contribution = factories.make_person(), factories.make_contribution()
    caller = Caller(person)
    answers = [caller.post(f"contributions/{contribution.pk}/comments/", {"text": "Again."}) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {201}
    assert answers[20].status_code == 429
    assert int(answers[20].headers["Retry-After"]) > 0
    page = caller.client.post(f"/contributions/{contribution.pk}/comment/", {"text": "And again."})
    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) > 0
    assert "And again." in page.content.decode(), "nothing that was typed is lost"
    assert contribution.comments.count() == 20
    assert Caller(factories.make_person()).post(
        f"contributions/{contribution.pk}/comments/", {"text": "The control."}
    ).status_code == 201  # fmt: skip
