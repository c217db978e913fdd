"""People's part: votes, threads, field reports, reviews, and taking a publication back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from contributions.models import Comment, FieldReport, Publication, Review, Vote
from demo.progress import hold, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from demo.accounts import Accounts
    from demo.plan import Remark, Report, Share, Verdict
    from demo.sharing import Sharing

STATES = {"approve": "approved", "request-changes": "changes-requested", "reject": "rejected"}


class Judging:
    """Says what was not said yet; each method returns how much it said."""

    def __init__(self, sharing: Sharing, accounts: Accounts) -> None:
        self._sharing = sharing
        self._accounts = accounts
        self._nobody = accounts.nobody

    def vote(self, share: Share) -> int:
        wanted = dict.fromkeys(share.up, 1) | dict.fromkeys(share.down, -1)
        number = self._sharing.number_of(share)
        cast = dict(Vote.objects.filter(contribution=number).values_list("person__username", "value"))
        new = {username: value for username, value in wanted.items() if cast.get(username) != value}
        for username, value in new.items():
            self._accounts.client(username).put(f"{self._sharing.page_of(share)}/vote/", {"value": value})
        seen = self._nobody.get(f"{self._sharing.page_of(share)}/")
        hold(seen["up"] >= len(share.up) and seen["down"] >= len(share.down), f"{share.title}: votes are lost")
        return len(new)

    def discuss(self, share: Share, revision: int) -> int:
        return self._say(share, share.comments, revision, None)

    def _say(self, share: Share, remarks: Iterable[Remark], revision: int, parent: int | None) -> int:
        """Each remark that belongs to the time of this revision, then the answers to it."""
        count = 0
        for remark in remarks:
            key = self._find(share, remark, parent)
            if key is None and remark.revision == revision:
                body = {"text": remark.text} | ({"parent": parent} if parent else {})
                made = self._accounts.client(remark.by).post(f"{self._sharing.page_of(share)}/comments/", body)
                key, count = made["id"], count + 1
            if key is not None:
                count += self._say(share, remark.replies, revision, key)
        return count

    def _find(self, share: Share, remark: Remark, parent: int | None) -> int | None:
        said = Comment.objects.filter(
            contribution=self._sharing.number_of(share), author__username=remark.by, parent=parent
        )
        return next((each.pk for each in said if each.text.strip() == remark.text.strip()), None)

    def report(self, share: Share, revision: int) -> int:
        """From the field, each for its organisation."""
        mine = [report for report in share.reports if report.revision == revision]
        new = [report for report in mine if not self._has_reported(share, report)]
        for report in new:
            self._accounts.client(report.by).post(f"{self._sharing.page_of(share)}/reports/", _body(report))
        return len(new)

    def _has_reported(self, share: Share, report: Report) -> bool:
        return FieldReport.objects.filter(
            contribution=self._sharing.number_of(share), release__name=report.release, author__username=report.by
        ).exists()

    def review(self, share: Share, revision: int) -> list[Verdict]:
        """The maintainers' verdicts on a revision; the contribution is then where they put it."""
        mine = [review for review in share.reviews if review.revision == revision]
        new = [review for review in mine if not self._has_reviewed(share, review)]
        for review in new:
            page = self._sharing.page_of(share)
            body = {"verdict": review.verdict, "message": review.message, "revision": review.revision}
            self._accounts.client(review.by).post(f"{page}/reviews/", body)
        if new:
            state = self._nobody.get(f"{self._sharing.page_of(share)}/")["state"]
            hold(state == STATES[new[-1].verdict], f"{share.title} is {state} after {new[-1].verdict}")
        return new

    def _has_reviewed(self, share: Share, review: Verdict) -> bool:
        return Review.objects.filter(
            revision__contribution=self._sharing.number_of(share),
            revision__number=review.revision,
            reviewer__username=review.by,
        ).exists()

    def await_publications(self, share: Share) -> int:
        """In the feed for exactly the releases that it must be in the feed for."""
        found: set[str] = set()

        def are_there() -> bool:
            rows = self._nobody.rows("/api/v1/publications/", contribution=self._sharing.number_of(share))
            found.update(row["release"] for row in rows)
            return found >= share.published_for

        wait_for(f"{share.title} is published", are_there, seconds=60)
        hold(found == share.published_for, f"{share.title} is published for {sorted(found)}")
        return len(found)

    def withdraw(self, share: Share) -> int:
        """Take publications back, with the reason."""
        count = 0
        for withdrawal in share.withdrawals:
            publication = Publication.objects.get(
                revision__contribution=self._sharing.number_of(share), release__name=withdrawal.release
            )
            if publication.is_live:
                where = f"/api/v1/publications/{publication.pk}/withdraw/"
                self._accounts.client(withdrawal.by).post(where, {"reason": withdrawal.reason})
                count += 1
            seen = self._nobody.get(f"/api/v1/publications/{publication.pk}/")
            told = (seen["state"], seen["reason"])
            hold(told == ("withdrawn", withdrawal.reason), f"Publication {publication.pk} is {told}")
        return count


def _body(report: Report) -> dict[str, object]:
    body: dict[str, object] = {
        "release": report.release,
        "outcome": report.outcome,
        "stage": report.stage,
        "environment": report.environment,
        "text": report.text,
        "traits": report.traits,
        "is_named": report.is_named,
    }
    if report.days:
        body["since"] = (datetime.now(UTC) - timedelta(days=report.days)).date().isoformat()
    return body
