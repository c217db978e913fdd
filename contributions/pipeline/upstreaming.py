"""What became of a contribution upstream, as its own patch says it and as the newest release shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.models import Contribution, Event, Fit, Release
from contributions.models.forges import commit_address
from contributions.models.writing import save_together
from contributions.patches import read_status

if TYPE_CHECKING:
    from contributions.models import Revision

Placed = Contribution.UpstreamStatus
COLUMNS = ("upstream_status", "upstream_link", "upstream_reason", "upstream_commit")


def write_down(contribution: Contribution, columns: dict[str, str], *, by: Event.Verb = Event.Verb.PLACED) -> bool:
    """Set the status in the caller's transaction; False when it says that already."""
    event = _set(contribution, columns, by=by)
    if event is None:
        return False
    Contribution.objects.filter(pk=contribution.pk).update(**{name: getattr(contribution, name) for name in COLUMNS})
    Event.objects.write_all([event])
    return True


def _set(contribution: Contribution, columns: dict[str, str], *, by: Event.Verb = Event.Verb.PLACED) -> Event | None:
    """In memory alone; the line of it, or none when it says that already."""
    columns = dict.fromkeys(COLUMNS, "") | columns
    if all(getattr(contribution, name) == value for name, value in columns.items()):
        return None
    for name, value in columns.items():
        setattr(contribution, name, value)
    return Event(verb=by, contribution=contribution, text=told(contribution))


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


class Places:
    """What verdicts of one component say of the upstream status: in memory, until `keep` saves all of it.

    Applied, once the newest release has it; pending again, if upstream took back what the portal had found there.
    """

    def __init__(self, component: int) -> None:
        self._newest = _newest_final(component)
        self._placed: dict[int, Contribution] = {}

    def by(self, fit: Fit) -> Event | None:
        """The line of what changes, not written yet."""
        contribution = fit.revision.contribution
        if fit.revision_id != contribution.current_id or fit.release_id != self._newest:
            return None
        columns = self._said_by(fit, contribution)
        event = _set(contribution, columns) if columns else None
        if event:
            self._placed[contribution.pk] = contribution
        return event

    @staticmethod
    def _said_by(fit: Fit, contribution: Contribution) -> dict[str, str] | None:
        is_applied = contribution.upstream_status == Placed.APPLIED
        if fit.state == Fit.State.UPSTREAM:
            return None if is_applied else applied_columns(fit)
        if not is_applied or fit.state not in GONE:
            return None
        last = Event.objects.filter(contribution=contribution, verb=Event.Verb.PLACED).newest_first().first()
        return {"upstream_status": Placed.PENDING} if last is not None and last.actor_id is None else None

    def keep(self) -> None:
        save_together(list(self._placed.values()), COLUMNS)


GONE = (Fit.State.APPLIES, Fit.State.MERGES, Fit.State.CONFLICTS)


def applied_columns(fit: Fit) -> dict[str, str]:
    address = commit_address(fit.release.component.upstream_url, fit.upstream_commit)
    return {"upstream_status": Placed.APPLIED, "upstream_link": address, "upstream_commit": fit.upstream_commit}


def newest_that_has(contribution: Contribution) -> Fit | None:
    """The fit on the newest supported release that upstream put it into."""
    rows = Fit.objects.filter(revision=contribution.current_id, state=Fit.State.UPSTREAM)
    found = rows.filter(release__state=Release.State.SUPPORTED).select_related("release__component")
    return found.order_by("-release__position", "-pk").first()


def _newest_final(component: int) -> int | None:
    """The key of the newest release that is final: a candidate may yet lose what it has."""
    final = Release.objects.supported().filter(component=component, is_candidate=False)
    return final.newest_first().values_list("pk", flat=True).first()
