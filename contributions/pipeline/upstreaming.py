"""What became of a contribution upstream, as its own patch says it and as the newest release shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.models import Contribution, Event, Fit, Release
from contributions.models.forges import commit_address
from contributions.patches import read_status

if TYPE_CHECKING:
    from contributions.models import Revision

Placed = Contribution.UpstreamStatus
COLUMNS = ("upstream_status", "upstream_link", "upstream_reason", "upstream_commit")


def write_down(contribution: Contribution, columns: dict[str, str], *, by: Event.Verb = Event.Verb.PLACED) -> bool:
    """Set the status in the caller's transaction; False when it says that already."""
    columns = dict.fromkeys(COLUMNS, "") | columns
    if all(getattr(contribution, name) == value for name, value in columns.items()):
        return False
    Contribution.objects.filter(pk=contribution.pk).update(**columns)
    for name, value in columns.items():
        setattr(contribution, name, value)
    Event.objects.write(by, contribution=contribution, text=told(contribution))
    return True


def told(contribution: Contribution) -> str:
    """The status in one line."""
    more = contribution.upstream_link or contribution.upstream_reason or contribution.upstream_commit
    return f"{contribution.get_upstream_status_display()}{f': {more}' if more else ''}"


def place_as_told(contribution: Contribution, revision: Revision) -> None:
    """By the header of the patch, unless somebody has said it: whoever wrote the patch knew what they sent where."""
    said = Event.objects.filter(contribution=contribution, verb=Event.Verb.PLACED, actor__isnull=False)
    found = read_status(f"{commit['subject']}\n\n{commit['body']}" for commit in revision.commits)
    if found is None or said.exists():
        return
    columns = {"upstream_status": found.word, "upstream_link": found.link, "upstream_reason": found.reason}
    write_down(contribution, columns | {"upstream_commit": found.commit})


def place_by_fit(fit: Fit) -> None:
    """Applied, once the newest release has it; pending again, if upstream took back what the portal had found there."""
    contribution = fit.revision.contribution
    matters = fit.state == Fit.State.UPSTREAM or contribution.upstream_status == Placed.APPLIED
    if not matters or fit.revision_id != contribution.current_id or not _is_newest(fit.release):
        return
    if fit.state == Fit.State.UPSTREAM:
        if contribution.upstream_status != Placed.APPLIED:
            write_down(contribution, applied_columns(fit))
        return
    last = Event.objects.filter(contribution=contribution, verb=Event.Verb.PLACED).newest_first().first()
    found_here = last is not None and last.actor_id is None
    if contribution.upstream_status == Placed.APPLIED and found_here and fit.state in GONE:
        write_down(contribution, {"upstream_status": Placed.PENDING})


GONE = (Fit.State.APPLIES, Fit.State.MERGES, Fit.State.CONFLICTS)


def applied_columns(fit: Fit) -> dict[str, str]:
    address = commit_address(fit.release.component.upstream_url, fit.upstream_commit)
    return {"upstream_status": Placed.APPLIED, "upstream_link": address, "upstream_commit": fit.upstream_commit}


def newest_that_has(contribution: Contribution) -> Fit | None:
    """The fit on the newest supported release that upstream put it into."""
    rows = Fit.objects.filter(revision=contribution.current_id, state=Fit.State.UPSTREAM)
    found = rows.filter(release__state=Release.State.SUPPORTED).select_related("release__component")
    return found.order_by("-release__position", "-pk").first()


def _is_newest(release: Release) -> bool:
    """Of those that are final: a candidate may yet lose what it has."""
    final = Release.objects.supported().filter(component=release.component_id, is_candidate=False)
    return final.newest_first().values_list("pk", flat=True).first() == release.pk
