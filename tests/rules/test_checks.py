"""Each rule, held against cases: what it says, and whether it is met."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contributions.rules import (
    Building,
    Case,
    Check,
    Mark,
    Opinion,
    Rules,
    is_expression,
    permits,
    unsigned,
    written_by,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CASE = Case(label="v2", sent_at=NOW - timedelta(hours=1), now=NOW)
LAX = Rules("Swift", cool_down_days=0, green_build_needed=False)


def check(rules: Rules, rule: str, **given: object) -> Check:
    return next(check for check in rules.checklist(replace(CASE, **given)).checks if check.rule == rule)


def days_ago(count: float) -> datetime:
    return NOW - timedelta(days=count)


def yes(by: str, **given: object) -> Opinion:
    return Opinion(by, "approve", **given)  # type: ignore[arg-type]


# people


@pytest.mark.parametrize(
    ("executable", "opinions", "mark", "detail"),
    [
        (False, (), Mark.WAITING, "0 of 2."),
        (False, (yes("ann"),), Mark.WAITING, "1 of 2."),
        (False, (yes("ann"), yes("bob")), Mark.MET, "2 of 2."),
        (True, (yes("ann"), yes("bob")), Mark.WAITING, "2 of 3."),
        (True, (yes("ann"), yes("bob"), yes("eve")), Mark.MET, "3 of 3."),
        (
            False,
            (yes("ann"), yes("bob", is_colleague=True)),
            Mark.WAITING,
            "1 of 2. bob's does not count: same organisation as the author.",
        ),
        (False, (yes("ann"), yes("bob", maintains=False)), Mark.WAITING, "1 of 2. bob's does not count: they are no"),
        (False, (yes("ann"), yes("bob", is_author=True)), Mark.WAITING, "1 of 2. bob's does not count: it is their"),
        (False, (yes("ann"), yes("bob"), yes("eve", is_author=True)), Mark.MET, "2 of 2. eve's does not count"),
        (False, (yes("ann"), Opinion("bob", "request-changes")), Mark.WAITING, "1 of 2."),
    ],
)
@pytest.mark.attack("T01")
def test_only_approvals_of_other_peoples_maintainers_count(
    executable: bool,  # noqa: FBT001 - a column of the table
    opinions: tuple[Opinion, ...],
    mark: Mark,
    detail: str,
) -> None:
    rules = replace(LAX, approvals_needed=2, executable_approvals_needed=3)
    found = check(rules, "approvals", opinions=opinions, is_executable=executable)
    assert found.mark == mark
    assert found.detail.startswith(detail)
    assert found.due is None


def test_an_executable_never_needs_fewer_approvals_than_a_patch() -> None:
    rules = replace(LAX, approvals_needed=3, executable_approvals_needed=2)
    assert rules.approvals_for(executable=True) == 3
    assert rules.approvals_for(executable=False) == 3


def test_an_approver_whose_account_changed_hands_counts_after_the_cool_down() -> None:
    rules = replace(LAX, cool_down_days=3)
    fresh, old = yes("ann", changed_hands_at=days_ago(1)), yes("ann", changed_hands_at=days_ago(3))
    found = check(rules, "approvals", opinions=(fresh,))
    assert (found.mark, found.due) == (Mark.WAITING, NOW + timedelta(days=2))
    assert "their account changed hands, so that it counts from 25 Nov 2026, 12:00 UTC" in found.detail
    assert check(rules, "approvals", opinions=(old,)).mark == Mark.MET
    assert check(LAX, "approvals", opinions=(fresh,)).mark == Mark.MET, "this component lets nobody wait"


def test_one_objection_is_enough_whoever_it_comes_from() -> None:
    assert check(LAX, "objections").mark == Mark.MET
    found = check(
        LAX, "objections", opinions=(Opinion("bob", "reject", is_colleague=True, maintains=False), yes("ann"))
    )
    assert (found.mark, found.detail) == (Mark.NOT_MET, "bob rejects it.")
    assert check(LAX, "objections", opinions=(Opinion("bob", "request-changes"),)).detail == "bob asks for changes."


def test_of_many_names_a_few_are_told() -> None:
    found = check(LAX, "objections", opinions=tuple(Opinion(f"p{n}", "reject") for n in range(8)))
    assert found.detail.endswith("p4 rejects it. And 3 more.")
    six = check(LAX, "objections", opinions=tuple(Opinion(f"p{n}", "reject") for n in range(6)))
    assert six.detail.endswith("p4 rejects it. And 1 more.")
    five = check(LAX, "objections", opinions=tuple(Opinion(f"p{n}", "reject") for n in range(5)))
    assert five.detail.endswith("p4 rejects it.")


# time


@pytest.mark.parametrize(
    ("newcomer", "sent", "hands", "mark", "detail"),
    [
        (False, 0.1, (), Mark.MET, "None of this is so."),
        (
            True,
            0.5,
            (),
            Mark.WAITING,
            "Waits until 26 Nov 2026, 00:00 UTC, 3 days after v2 of a first-time contributor.",
        ),
        (True, 3, (), Mark.MET, "Over since 23 Nov 2026, 12:00 UTC."),
        (True, 2.99, (), Mark.WAITING, "Waits until"),
        (
            False,
            9,
            (("the author's account", 1),),
            Mark.WAITING,
            "Waits until 25 Nov 2026, 12:00 UTC, 3 days after the au",
        ),
        (False, 9, (("the author's account", 3),), Mark.MET, "Over since"),
        (True, 2, (("x", 1),), Mark.WAITING, "Waits until 25 Nov 2026, 12:00 UTC, 3 days after x changed hands."),
        (True, 1, (("x", 2),), Mark.WAITING, "Waits until 25 Nov 2026, 12:00 UTC, 3 days after v2 of a first-time"),
    ],
)
def test_newcomers_and_strange_hands_wait(
    newcomer: bool,  # noqa: FBT001 - a column of the table
    sent: float,
    hands: tuple[tuple[str, float], ...],
    mark: Mark,
    detail: str,
) -> None:
    since = tuple((who, days_ago(count)) for who, count in hands)
    found = check(Rules("Swift"), "cool-down", is_newcomer=newcomer, sent_at=days_ago(sent), hands=since)
    assert found.mark == mark
    assert found.detail.startswith(detail)
    assert (found.due is not None) == (mark == Mark.WAITING)


def test_without_a_cool_down_nobody_waits() -> None:
    found = check(LAX, "cool-down", is_newcomer=True, hands=(("x", NOW),))
    assert (found.mark, found.due) == (Mark.NOT_ASKED, None)


# builds


@pytest.mark.parametrize(
    ("building", "mark", "detail"),
    [
        (Building("2.0", "applies", "passed"), Mark.MET, "It passed on 2.0."),
        (Building("2.0", "conflicts", "passed"), Mark.MET, "It passed on 2.0."),
        (Building("2.0", "applies", "failed"), Mark.NOT_MET, "Its last build on 2.0 failed."),
        (Building("2.0", "merges", "timed-out"), Mark.NOT_MET, "Its last build on 2.0 timed out."),
        (Building("2.0", "applies", "queued"), Mark.WAITING, "Its build on 2.0 is queued."),
        (Building("2.0", "applies", "running"), Mark.WAITING, "Its build on 2.0 is running."),
        (
            Building("2.0", "applies", "errored"),
            Mark.NOT_MET,
            "The portal could not build it on 2.0; that is our fault.",
        ),
        (Building("2.0", "errored"), Mark.NOT_MET, "The portal could not build it on 2.0; that is our fault."),
        (Building("2.0", "applies"), Mark.NOT_MET, "v2 was not built on 2.0 yet. Ask for a build."),
        (Building("2.0"), Mark.WAITING, "v2 is yet to be tried on 2.0."),
        (Building("2.0", "running"), Mark.WAITING, "v2 is yet to be tried on 2.0."),
        (Building("2.0", "probably-upstream"), Mark.NOT_MET, "v2 is not built on 2.0: probably upstream."),
        (Building("2.0", "applies", has_recipe=False), Mark.NOT_MET, "Swift has no recipe yet, so nothing is built."),
        (Building("", "", "passed"), Mark.MET, "It passed on one of the releases."),
    ],
)
def test_a_patch_needs_a_green_build(building: Building, mark: Mark, detail: str) -> None:
    found = check(Rules("Swift"), "green-build", building=building)
    assert found.mark == mark
    assert found.detail.startswith(detail)
    assert check(LAX, "green-build", building=building).mark == Mark.NOT_ASKED
    assert check(Rules("Swift"), "green-build", building=building, has_patch=False).mark == Mark.NOT_ASKED


# licences


@pytest.mark.parametrize(
    ("named", "found", "mark", "detail"),
    [
        ("", (), Mark.MET, "It is Apache-2.0."),
        ("MIT", (), Mark.MET, "It is MIT."),
        ("GPL-3.0-only", (), Mark.NOT_MET, "It is GPL-3.0-only."),
        ("", (("a.c", "Apache-2.0"), ("b.c", "MIT OR GPL-3.0-only")), Mark.MET, "It is Apache-2.0."),
        ("", (("a.c", "MIT"), ("b.c", "GPL-3.0-only")), Mark.NOT_MET, "b.c says GPL-3.0-only."),
    ],
)
def test_the_licence_is_one_that_is_accepted(
    named: str, found: tuple[tuple[str, str], ...], mark: Mark, detail: str
) -> None:
    rules = replace(LAX, licence="Apache-2.0", accepted_licences=("MIT", "Apache-2.0"))
    seen = check(rules, "licence", licence=named, found_licences=found)
    assert (seen.words, seen.mark, seen.detail) == ("Its licence is Apache-2.0 or MIT", mark, detail)


def test_a_component_without_a_licence_asks_for_none_unless_it_lists_some() -> None:
    assert check(LAX, "licence", licence="GPL-3.0-only").mark == Mark.NOT_ASKED
    found = check(replace(LAX, accepted_licences=("MIT",)), "licence")
    assert (found.mark, found.detail) == (Mark.NOT_MET, "It names none.")


TAKEN = ("Apache-2.0", "MIT", "GPL-2.0-only WITH Classpath-exception-2.0")


@pytest.mark.parametrize(
    ("expression", "taken"),
    [
        ("Apache-2.0", True),
        ("apache-2.0", True),
        ("GPL-3.0-only", False),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("GPL-3.0-only or GPL-2.0-only", False),
        ("Apache-2.0 AND MIT", True),
        ("Apache-2.0 AND GPL-3.0-only", False),
        ("(GPL-3.0-only OR MIT) AND Apache-2.0", True),
        ("GPL-3.0-only OR MIT AND Apache-2.0", True),
        ("GPL-3.0-only AND (MIT OR Apache-2.0)", False),
        ("MIT WITH Font-exception-2.0", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("GPL-2.0-only  with classpath-exception-2.0 OR 0BSD", True),
        ("GPL-2.0-only WITH Bison-exception-2.2", False),
        ("", False),
        ("MIT MIT", False),
        ("MIT OR", False),
        ("AND MIT", False),
        ("MIT WITH", False),
        ("(MIT", False),
        ("MIT)", False),
        ("(" * 11 + "MIT" + ")" * 11, False),
        ("MIT OR " * 40 + "MIT", False),
        ("(" * 10 + "MIT" + ")" * 10, True),
        ("MIT" + " OR MIT" * 28 + " ", True),
    ],
)
def test_of_an_expression_enough_must_be_taken(expression: str, taken: bool) -> None:  # noqa: FBT001 - a column
    assert permits(TAKEN, expression) is taken


@pytest.mark.parametrize(
    ("text", "good"),
    [("MIT", True), ("Apache-2.0 OR MIT", True), ("", False), (" MIT", False), ("M\nT", False), ("x" * 61, False)],
)
def test_a_name_of_a_licence_is_plain(text: str, good: bool) -> None:  # noqa: FBT001 - a column
    assert is_expression(text) is good


def test_what_a_change_writes_of_licences_is_found_in_added_lines_alone() -> None:
    hunks = (
        b"+# SPDX-License-Identifier: MIT\n"
        b"+/* SPDX-License-Identifier: GPL-3.0-only */\n"
        b"+<!-- SPDX-License-Identifier: 0BSD -->\n"
        b"+SPDX-License-Identifier: $LICENCE\n"
        b"-# SPDX-License-Identifier: Zlib\n"
        b" # SPDX-License-Identifier: ISC\n"
    )
    assert written_by([("a.c", hunks), ("b.c", b"+// SPDX-License-Identifier: MIT\n")]) == [
        ("a.c", "MIT"),
        ("a.c", "GPL-3.0-only"),
        ("a.c", "0BSD"),
    ]


def test_a_flood_of_licences_is_cut_and_never_taken() -> None:
    hunks = b"".join(b"+SPDX-License-Identifier: X-%d\n" % number for number in range(60))
    found = written_by([("a.c", hunks)])
    assert len(found) == 51
    assert not permits([f"X-{number}" for number in range(60)], found[-1][1])
    (long,) = written_by([("a.c", b"+SPDX-License-Identifier: " + b"MIT OR " * 100 + b"MIT\n")])
    assert len(long[1]) <= 201
    assert not permits(["MIT"], long[1])


# signing off

AUTHOR = "Ann <ann@example.org>"


@pytest.mark.parametrize(
    ("author", "body", "signed"),
    [
        (AUTHOR, "Why.\n\nSigned-off-by: Ann <ann@example.org>", True),
        (AUTHOR, "signed-off-by: A. Nother <ANN@example.org>\n", True),
        (AUTHOR, "Signed-off-by: Bob <bob@example.org>\nSigned-off-by: Ann <ann@example.org>", True),
        (AUTHOR, "Signed-off-by: Bob <bob@example.org>", False),
        (AUTHOR, "Acked-by: Ann <ann@example.org>", False),
        (AUTHOR, "It says Signed-off-by: Ann <ann@example.org>", False),
        (AUTHOR, "Signed-off-by: Ann <ann@example.org> not really", False),
        (AUTHOR, "", False),
        ("Ann <>", "Signed-off-by: Ann <>", False),
        ("Ann", "Signed-off-by: Ann <ann@example.org>", False),
    ],
)
def test_a_commit_is_signed_off_by_its_author(author: str, body: str, signed: bool) -> None:  # noqa: FBT001 - a column
    found = unsigned([{"subject": "Mend it", "author": author, "body": body}])
    assert found == (() if signed else ("Mend it",))


def test_the_commits_that_lack_it_are_named() -> None:
    strict = replace(LAX, sign_off_needed=True)
    assert check(strict, "sign-off").mark == Mark.MET
    found = check(strict, "sign-off", unsigned=("Mend it", "Test it"))
    assert (found.mark, found.detail) == (Mark.NOT_MET, "No “Signed-off-by” of its author in “Mend it” and “Test it”.")
    many = check(strict, "sign-off", unsigned=tuple("abcdefgh")).detail
    assert many.endswith("“a”, “b”, “c”, “d”, “e” and 3 more.")
    six = check(strict, "sign-off", unsigned=tuple("abcdef")).detail
    assert six.endswith("“a”, “b”, “c”, “d”, “e” and 1 more.")
    five = check(strict, "sign-off", unsigned=tuple("abcde")).detail
    assert five.endswith("“a”, “b”, “c”, “d” and “e”.")
    note = check(strict, "sign-off", unsigned=("x",), has_patch=False)
    assert (note.mark, note.detail) == (Mark.NOT_ASKED, "There are no commits.")
    assert check(LAX, "sign-off", has_patch=False).detail == "Swift asks for none."
    assert check(LAX, "sign-off", unsigned=("x",)).mark == Mark.NOT_ASKED


# all of them


def test_the_list_says_in_one_sentence_what_is_left() -> None:
    rules = Rules("Swift", sign_off_needed=True)
    nothing = rules.checklist(replace(CASE, is_newcomer=True, unsigned=("Mend it",)))
    assert not nothing.is_met
    told = "approvals, the cool-down, a passed build and the sign-off of its authors"
    assert nothing.summary == f"It waits for {told}."
    assert nothing.due == CASE.sent_at + timedelta(days=3)
    people = LAX.checklist(replace(CASE, opinions=(yes("ann"),)))
    assert (people.is_met, people.summary, people.due) == (True, "All rules are met.", None)
    waiting = Rules("Swift").checklist(replace(CASE, opinions=(yes("ann"),)))
    assert waiting.is_approved_by_people
    assert waiting.summary == "Approved by people; it waits for a passed build."


def test_the_earliest_moment_that_may_change_something_is_when_to_look_again() -> None:
    opinions = (yes("ann", changed_hands_at=days_ago(2)), yes("bob", changed_hands_at=days_ago(1)))
    rules = Rules("Swift", green_build_needed=False)
    assert rules.checklist(replace(CASE, opinions=opinions)).due == NOW + timedelta(days=1)


def test_the_rules_are_told_in_words() -> None:
    assert LAX.sentences() == (
        "1 maintainer approves it (2 if it is an executable), none of them its author or a colleague.",
        "No maintainer asks for changes or rejects it.",
    )
    strict = Rules("Swift", 2, 3, 1, sign_off_needed=True, licence="Apache-2.0", accepted_licences=("MIT", "0BSD"))
    assert strict.sentences() == (
        "2 maintainers approve it (3 if it is an executable), none of them its author or a colleague.",
        "No maintainer asks for changes or rejects it.",
        "1 day passes if it is a newcomer's work, or if its author's account or organisation changed hands.",
        "A patch has a passed build on the release that it was made for.",
        "Its licence is Apache-2.0, MIT or 0BSD.",
        "Each commit is signed off by its author (Developer Certificate of Origin).",
    )
    assert "3 days pass" in Rules("Swift").sentences()[2]
