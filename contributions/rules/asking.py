"""What a component asks, held against a case: each rule in words, and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from contributions.rules import words
from contributions.rules.findings import Check, Checklist, Mark
from contributions.rules.licences import permits

if TYPE_CHECKING:
    from contributions.rules.case import Building, Case, Opinion

APPROVE = "approve"
OBJECTIONS = {"request-changes": "asks for changes", "reject": "rejects it"}
WAITS = frozenset({"queued", "running"})  # states of a fit or a build


@dataclass(frozen=True)
class Rules:
    """What one component asks."""

    component: str
    approvals_needed: int = 1
    executable_approvals_needed: int = 2
    cool_down_days: int = 3
    green_build_needed: bool = True
    sign_off_needed: bool = False
    licence: str = ""
    accepted_licences: tuple[str, ...] = ()

    @property
    def licences(self) -> tuple[str, ...]:
        """Those that it takes work under, its own first."""
        return tuple(dict.fromkeys(name for name in (self.licence, *self.accepted_licences) if name))

    @property
    def cool_down(self) -> timedelta:
        return timedelta(days=self.cool_down_days)

    def approvals_for(self, *, executable: bool) -> int:
        """An executable never needs fewer than a patch."""
        return max(self.approvals_needed, self.executable_approvals_needed) if executable else self.approvals_needed

    def checklist(self, case: Case) -> Checklist:
        rules = (_approvals, _objections, _cool_down, _green_build, _licence, _sign_off)
        return Checklist(tuple(rule(self, case) for rule in rules))

    def sentences(self) -> tuple[str, ...]:
        """The rules in words, for one who has nothing to be judged yet."""
        patch, executable = (self.approvals_for(executable=executable) for executable in (False, True))
        told = [
            f"{words.approvals(patch)} ({executable} if it is an executable), none of them its author or a colleague.",
            "No maintainer asks for changes or rejects it.",
        ]
        if self.cool_down_days:
            told.append(f"{words.cool_down(self.cool_down_days)}.")
        if self.green_build_needed:
            told.append("A patch has a passed build on the release that it was made for.")
        if self.licences:
            told.append(f"Its licence is {words.either(self.licences)}.")
        if self.sign_off_needed:
            told.append("Each commit is signed off by its author (Developer Certificate of Origin).")
        return tuple(told)


def _approvals(rules: Rules, case: Case) -> Check:
    needed = rules.approvals_for(executable=case.is_executable)
    approvals = [opinion for opinion in case.opinions if opinion.verdict == APPROVE]
    doubts = [(opinion.by, _doubt(rules, case, opinion)) for opinion in approvals]
    given = sum(not why for _, why in doubts)
    kept = [f"{each.by}'s is kept from {each.of}: the same content." for each in approvals if each.of]
    told = [f"{given} of {needed}.", *(f"{by}'s does not count: {why}." for by, why in doubts if why), *kept]
    asked = f"{words.approvals(needed)}, none of them its author or a colleague"
    if given >= needed:
        return Check("approvals", asked, Mark.MET, words.some_sentences(told))
    later = [since for opinion in approvals if (since := _counts_from(rules, opinion)) and since > case.now]
    return Check("approvals", asked, Mark.WAITING, words.some_sentences(told), min(later, default=None))


def _doubt(rules: Rules, case: Case, opinion: Opinion) -> str:
    """Why an approval does not count; nothing when it does."""
    if opinion.is_author:
        return "it is their own work"
    if not opinion.maintains:
        return "they are no maintainer now"
    if opinion.is_colleague:
        return "same organisation as the author"
    since = _counts_from(rules, opinion)
    if since and since > case.now:
        return f"their account changed hands, so that it counts from {words.moment(since)}"
    return ""


def _counts_from(rules: Rules, opinion: Opinion) -> datetime | None:
    return opinion.changed_hands_at and opinion.changed_hands_at + rules.cool_down


def _objections(_: Rules, case: Case) -> Check:
    told = [f"{each.by} {OBJECTIONS[each.verdict]}." for each in case.opinions if each.verdict in OBJECTIONS]
    mark = Mark.NOT_MET if told else Mark.MET
    return Check("objections", "No maintainer asks for changes or rejects it", mark, words.some_sentences(told))


def _cool_down(rules: Rules, case: Case) -> Check:
    if not rules.cool_down_days:
        return Check("cool-down", "No cool-down", Mark.NOT_ASKED, f"{rules.component} lets nobody wait.")
    asked = words.cool_down(rules.cool_down_days)
    causes = [(at, f"{who} changed hands") for who, at in case.hands]
    if case.is_newcomer:
        causes.append((case.sent_at, f"{case.label} of a first-time contributor"))
    if not causes:
        return Check("cool-down", asked, Mark.MET, "None of this is so.")
    since, why = max(causes)
    until = since + rules.cool_down
    if until <= case.now:
        return Check("cool-down", asked, Mark.MET, f"Over since {words.moment(until)}.")
    detail = f"Waits until {words.moment(until)}, {words.days(rules.cool_down_days)} after {why}."
    return Check("cool-down", asked, Mark.WAITING, detail, until)


def _green_build(rules: Rules, case: Case) -> Check:
    if not rules.green_build_needed:
        return Check("green-build", "No build is needed", Mark.NOT_ASKED, f"{rules.component} asks for none.")
    if not case.has_patch:
        return Check("green-build", "No build is needed", Mark.NOT_ASKED, "There is no source to build.")
    where = f"on {case.building.release}" if case.building.release else "on one of the releases"
    mark, detail = _built(case.building, where, case.label, rules.component)
    return Check("green-build", f"A build of it passed {where}", mark, detail)


def _built(building: Building, where: str, label: str, component: str) -> tuple[Mark, str]:
    if building.build == "passed":
        return Mark.MET, f"It passed {where}."
    if not building.has_recipe:
        return Mark.NOT_MET, f"{component} has no recipe yet, so nothing is built."
    if building.build in WAITS:
        return Mark.WAITING, f"Its build {where} is {building.build}."
    if building.build in {"failed", "timed-out"}:
        return Mark.NOT_MET, f"Its last build {where} {building.build.replace('-', ' ')}."
    return _unbuilt(building, where, label)


def _unbuilt(building: Building, where: str, label: str) -> tuple[Mark, str]:
    if "errored" in {building.fit, building.build}:
        return Mark.NOT_MET, f"The portal could not build it {where}; that is our fault. Ask for another build."
    if not building.fit or building.fit in WAITS:
        return Mark.WAITING, f"{label} is yet to be tried {where}."
    if building.fit in {"applies", "merges"}:
        return Mark.NOT_MET, f"{label} was not built {where} yet. Ask for a build."
    return Mark.NOT_MET, f"{label} is not built {where}: {building.fit.replace('-', ' ')}."


def _licence(rules: Rules, case: Case) -> Check:
    if not rules.licences:
        return Check("licence", "No licence is asked for", Mark.NOT_ASKED, f"{rules.component} names none.")
    asked = f"Its licence is {words.either(rules.licences)}"
    named = case.licence or rules.licence
    if not permits(rules.licences, named):
        return Check("licence", asked, Mark.NOT_MET, f"It is {named}." if named else "It names none.")
    strange = [(path, found) for path, found in case.found_licences if not permits(rules.licences, found)]
    if strange:
        return Check(
            "licence", asked, Mark.NOT_MET, words.some_sentences([f"{path} says {found}." for path, found in strange])
        )
    return Check("licence", asked, Mark.MET, f"It is {named}.")


def _sign_off(rules: Rules, case: Case) -> Check:
    if not rules.sign_off_needed or not case.has_patch:
        detail = "There are no commits." if rules.sign_off_needed else f"{rules.component} asks for none."
        return Check("sign-off", "No sign-off is needed", Mark.NOT_ASKED, detail)
    asked = "Each commit is signed off by its author (DCO)"
    if not case.unsigned:
        return Check("sign-off", asked, Mark.MET)
    detail = f"No “Signed-off-by” of its author in {words.some_names(case.unsigned)}."
    return Check("sign-off", asked, Mark.NOT_MET, detail)
