"""Settling the conflicts of a patch with a release on a page: what is asked, what came of it, and proposing that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions.reconciling import drop_settlement, propose_settled, settle_conflicts
from contributions.checkout.weaving import TEXT
from contributions.errors import Missing, NotAllowed
from contributions.forms.settling import SettleForm
from contributions.forms.voices import ReasonForm
from contributions.markup import reveal_code
from contributions.models import Contribution, Release, Settlement
from contributions.patches.words import Effort
from contributions.plaintext import clean

from .changes import Asked
from .clashes import WORDS, shown_hunk
from .comparing import files_compared
from .contribution import find, framed
from .diffs import anchor_of
from .entering import person_of, verb
from .files import served
from .fits import release_named
from .numbers import natural
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.forms import BoundField
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from .clashes import ShownHunk

PAGE = "port_settle.html"


@dataclass(frozen=True)
class AskedPlace:
    """A place, or a file that is chosen as a whole, with its fields."""

    id: str
    hunk: ShownHunk | None
    choice: BoundField
    text: BoundField | None


@dataclass(frozen=True)
class AskedFile:
    path: str
    anchor: str
    words: str
    needs_git: bool
    remembered: Mapping[str, Any] | None
    places: Sequence[AskedPlace]


@dataclass(frozen=True)
class Sheet:
    """The page as somebody asks for it; `step` is the commit that it is about, if it is about one."""

    request: HttpRequest
    contribution: Contribution
    release: Release
    row: Settlement | None
    step: dict[str, Any] | None

    @classmethod
    def of(cls, request: HttpRequest, contribution: Contribution, release: Release) -> Sheet:
        row = Settlement.objects.of(person_of(request), contribution, release)
        return cls(request, contribution, release, row, _chosen(request, row))

    def form(self) -> SettleForm:
        row = self.row
        asked = {"files": self.step["files"] if self.step else (), "answers": row.answers if row else {}}
        posted = self.request.method == "POST"
        sent = {"data": self.request.POST} if posted else {"initial": {"seen": row.passes_id if row else ""}}
        return SettleForm(**sent, **asked, release=self.release.name)

    def context(self, form: SettleForm) -> dict[str, Any]:
        row = self.row
        working = row is not None and not row.is_over and not (form.is_bound and self.step)
        files = _asked(self.step["files"], form) if self.step and not working else []
        context = {
            "release": self.release,
            "row": row,
            "form": form,
            "here": address(self.contribution, self.release),
            "working": working,
            "is_stale": row is not None and row.is_over and row.is_stale(self.contribution, self.release),
            "step": self.step,
            "asked_files": files,
            "needs_git": any(file.needs_git for file in files),
            "passes": row.asked if row is not None else [],
            "orphans": _orphans(row) if row is not None and row.is_over else [],
            **(self._preview(row) if row is not None and row.is_ready and self.step is None else {}),
        }
        return framed(self.request, self.contribution, "matrix", **context)

    def _preview(self, row: Settlement) -> dict[str, Any]:
        """What the port does otherwise than the patch, as the page that compares revisions shows it."""
        asked = Asked.of(self.request)
        names = ("word", "old", "new", "subject")
        return {
            "part": asked.part,
            "older": row.revision,
            "newer": {"label": _("the port")},
            "commits": [{name: reveal_code(str(one[name])) for name in names} for one in row.commits],
            **files_compared(asked, row, f"{address(self.contribution, self.release)}&files"),
        }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settle(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    if not contribution.may_be_ported_by(request.user):
        raise NotAllowed("Only patches are ported, and not what is a draft, in quarantine or withdrawn.")
    sheet = Sheet.of(request, contribution, _release(request, contribution))
    form = sheet.form()
    if request.method != "POST":
        context = sheet.context(form)
        return render(request, "contribution/_files.html" if context.get("part") else PAGE, context)
    made = carried_out(form, lambda: _settled(sheet, form))
    if made is None:
        return answer_form(request, PAGE, form, _after(sheet, form).context(form))
    if made.is_over:
        messages.success(request, _("Your answers are kept. What is left is below."))
    return redirect(address(contribution, sheet.release))


def address(contribution: Contribution, release: Release) -> str:
    """The page on which its conflicts with the release are settled."""
    return f"{reverse('port-settle', args=[contribution.pk])}?{urlencode({'release': release.slug})}"


def _release(request: HttpRequest, contribution: Contribution) -> Release:
    word = request.POST.get("release") or request.GET.get("release", "")
    if not word:
        raise Missing("Name the release, as the page of a fit does: “?release=…”.")
    return release_named(contribution, clean(word))


def _settled(sheet: Sheet, form: SettleForm) -> Settlement:
    return settle_conflicts(
        person=person_of(sheet.request),
        contribution=sheet.contribution,
        release=sheet.release,
        answers=form.answers(),
        seen=form.cleaned_data["seen"],
    )


def _after(sheet: Sheet, form: SettleForm) -> Sheet:
    """The page of a refusal: with what was typed, unless that was kept and something else is asked next."""
    now = Settlement.objects.of(person_of(sheet.request), sheet.contribution, sheet.release)
    given = form.answers()
    is_kept = now is not None and given and all(now.answers.get(name) == [*each] for name, each in given.items())
    return replace(sheet, row=now, step=None if is_kept and now and not now.is_over else sheet.step)


def _chosen(request: HttpRequest, row: Settlement | None) -> dict[str, Any] | None:
    """The commit that the page is about: the one that is open, or the one that the address names."""
    passes = row.asked if row is not None else []
    wanted = natural(request, "commit")
    named = next((one for one in passes if one["number"] == wanted), None)
    if named is not None or row is None or row.is_ready:
        return named
    return passes[-1] if passes else None


def _asked(files: Sequence[Mapping[str, Any]], form: SettleForm) -> list[AskedFile]:
    effort = Effort()
    return [
        AskedFile(
            path=reveal_code(str(file["path"])),
            anchor=anchor_of(str(file["path"])),
            words=str(WORDS.get(str(file["how"]), "")),
            needs_git=bool(file["needs_git"]),
            remembered=file["remembered"],
            places=[_place(known, str(file["path"]), form, effort) for known in (file, *file["places"]) if known["id"]],
        )
        for file in files
    ]


def _place(known: Mapping[str, Any], path: str, form: SettleForm, effort: Effort) -> AskedPlace:
    name = str(known["id"])
    hunk = shown_hunk(dict(known), path, effort) if "ours" in known else None
    text = form[f"text-{name}"] if f"text-{name}" in form.fields else None
    return AskedPlace(name, hunk, form[f"choice-{name}"], text)


def _orphans(row: Settlement) -> list[str]:
    """Texts that somebody wrote for conflicts that are no more."""
    asked = {known["id"] for one in row.asked for file in one["files"] for known in (file, *file["places"])}
    return [text for name, (choice, text) in row.answers.items() if choice == TEXT and text and name not in asked]


@verb("contribution-matrix")
def propose(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    release = _release(request, contribution)
    form = ReasonForm(request.POST)
    form.is_valid()
    note = str(form.cleaned_data.get("reason", ""))
    given: dict[str, Any] = {"person": person_of(request), "contribution": contribution, "release": release}
    port = propose_settled(**given, note=note)
    words = {"label": port.label}
    messages.success(request, _("%(label)s is sent: the worker receives it next and tries it on its release.") % words)
    return redirect("contribution-matrix", contribution.pk)


@verb("contribution-matrix")
def throw_away(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    release = _release(request, contribution)
    drop_settlement(person=person_of(request), contribution=contribution, release=release)
    messages.success(request, _("Your answers are gone."))
    return redirect("contribution-fit", contribution.pk, release.name)


@require_safe
@login_required
def settled(request: HttpRequest, number: int, slug: str) -> HttpResponseBase:
    """What came of one's own answers, as a patch; nobody else sees it before it is proposed."""
    contribution = find(request, number)
    row = Settlement.objects.of(person_of(request), contribution, release_named(contribution, slug))
    if row is None or row.mbox is None:
        raise Missing("Nothing is settled for this release.")
    response = served(request, row.mbox, f"{number}-settled.patch", public=False, text=True)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
