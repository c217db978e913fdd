"""Contributions go in through the REST API; the workers' findings are awaited and compared with what must come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contributions.models import Component, Contribution
from demo.progress import hold, wait_for
from demo.rest import File, Refused

if TYPE_CHECKING:
    from demo.accounts import Accounts
    from demo.cutting import Workshop
    from demo.ground import Ground
    from demo.plan import Platform, Sending, Share
    from demo.progress import Progress

API = "/api/v1"
UNDECIDED = frozenset({"queued", "running"})
KINDS_OF_PATCH = {"refinement", "improvement"}
NOT_FOUND = 404
QUIET_SECONDS = 300  # how long the workers may take for the next result


class Sharing:
    """Sends what is not there yet, and watches the portal work on it."""

    def __init__(self, ground: Ground, workshop: Workshop, accounts: Accounts, progress: Progress) -> None:
        self._ground = ground
        self._workshop = workshop
        self._accounts = accounts
        self._progress = progress
        self._nobody = accounts.nobody

    @property
    def platform(self) -> Platform:
        return self._ground.platform

    def number_of(self, share: Share) -> int | None:
        """The contribution's number, if it was sent already."""
        component = Component.objects.get(slug=self.platform.package)
        sent = Contribution.objects.filter(component=component, title=share.title, author__username=share.author)
        return sent.values_list("pk", flat=True).first()

    def page_of(self, share: Share) -> str:
        return f"{API}/contributions/{self.number_of(share)}"

    def send(self, share: Share, sending: Sending) -> bool:
        """True if it was sent now, False if it had been."""
        number = self.number_of(share)
        if number is None:
            self._send_first(share, sending)
            return True
        if Contribution.objects.get(pk=number).revisions.filter(number=sending.number).exists():
            return False
        made = self._accounts.client(share.author).post(
            f"{API}/contributions/{number}/revisions/", {"note": sending.note, **self._source(share, sending)}
        )
        hold(made["number"] == sending.number, f"{share.title}: v{made['number']} came instead of v{sending.number}")
        return True

    def _send_first(self, share: Share, sending: Sending) -> None:
        facts = {
            "component": self.platform.package,
            "kind": share.kind,
            "title": share.title,
            "description": share.description,
            "fixes": share.fixes,
            "tests": share.tests,
            "release": share.release,
            **({"hold": True} if share.like else {}),
        }
        made = self._accounts.client(share.author).post(f"{API}/contributions/", facts | self._source(share, sending))
        self._progress.note(f"#{made['number']} {share.title} ({share.kind}, {share.author})")

    def _source(self, share: Share, sending: Sending) -> dict[str, object]:
        match share.sent_as:
            case "mail":
                return {"patch": self._workshop.mailbox(share, sending)}
            case "diff":
                return {"patch": self._workshop.diff(share, sending)}
            case "git":
                path = self._workshop.branch(share, sending)
                return {"git_url": self._ground.server.url(path), "git_ref": share.branch}
            case "artifact":
                content = (self._ground.sdists / share.wheel).read_bytes()
                return {"artifact": File(share.wheel, content), "sha256": share.sha256}
            case _:
                return {}

    def await_receipt(self, share: Share, sending: Sending) -> None:
        where = f"{self.page_of(share)}/revisions/{sending.number}/"
        seen: dict[str, Any] = {}

        def is_over() -> bool:
            seen.update(self._accounts.client(share.author).get(where))
            return seen["state"] not in UNDECIDED

        wait_for(f"{share.title} is received", is_over, seconds=QUIET_SECONDS)
        hold(seen["state"] == "received", f"{share.title} v{sending.number} was {seen['state']}: {seen['sentence']}")

    def await_fits(self, share: Share, sending: Sending) -> dict[str, str]:
        """How it met each release; they must be what the plan says."""
        found: dict[str, str] = {}

        def are_judged() -> bool:
            rows = self._accounts.client(share.author).rows(f"{self.page_of(share)}/fits/", revision=sending.number)
            found.update({row["release"]: row["state"] for row in rows})
            return found.keys() >= set(share.fits) and not UNDECIDED & set(found.values())

        wait_for(f"{share.title} is judged on every release", are_judged, seconds=QUIET_SECONDS)
        hold(found == share.fits, f"{share.title} v{sending.number}: {_difference(found, share.fits)}")
        return found

    def hold_back(self, draft: Share) -> None:
        """It stays a draft, because it does the same as another one; nobody else is told of it."""
        author, there = self._accounts.client(draft.author), f"{self.page_of(draft)}/"
        like = self.number_of(self.platform.share(draft.like))
        others = {other["number"]: other["alike"] for other in author.get(f"{there}overlaps/")["others"]}
        hold(others.get(like or 0) == "same", f"{draft.title} is not told to do the same as #{like}: {others}")
        hold(author.get(there)["is_draft"], f"{draft.title} was made public by itself")
        try:
            self._nobody.get(there)
        except Refused as refused:
            hold(refused.status == NOT_FOUND, f"{draft.title} answered a stranger with {refused.status}")
        else:
            hold(False, f"{draft.title} is shown to strangers")

    def await_builds(self, share: Share, sending: Sending) -> list[dict[str, Any]]:
        """All its builds, each ended as the plan says."""
        told: set[int] = set()
        rows: list[dict[str, Any]] = []

        def are_over() -> bool:
            rows[:] = self._builds(share, sending)
            for row in rows:
                if row["state"] not in UNDECIDED and row["id"] not in told:
                    told.add(row["id"])
                    self._tell(row)
            return {row["release"] for row in rows} >= share.built_on and len(told) == len(rows)

        wait_for(f"{share.title} is built", are_over, seconds=QUIET_SECONDS)
        ends = {row["release"]: row["state"] for row in rows}
        wanted = dict.fromkeys(share.built_on, sending.builds)
        hold(ends == wanted, f"{share.title} v{sending.number}: {_difference(ends, wanted)}")
        self._check_bytes(rows[0]["id"])
        return rows

    def _builds(self, share: Share, sending: Sending) -> list[dict[str, Any]]:
        rows = self._nobody.rows(f"{API}/builds/", contribution=self.number_of(share))
        newest: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row["revision"] == sending.number and not row["repeats"]:
                newest.setdefault(row["release"], row)
        return list(newest.values())

    def _tell(self, row: dict[str, Any]) -> None:
        seconds = f"{row['seconds']:.1f} s" if row["seconds"] is not None else ""
        self._progress.note(
            f"build {row['id']:>3}: #{row['contribution']} v{row['revision']} on {row['release']:<7}"
            f"{row['state']} {row['failed_step']} {seconds}"
        )

    def _check_bytes(self, build: int) -> None:
        """The log is there; a passed build has wheels that bear its own version."""
        detail = self._nobody.get(f"{API}/builds/{build}/")
        log = self._nobody.fetch(detail["log"]).body
        hold(bool(log.strip()), f"The log of build {build} is empty")
        if detail["state"] == "passed":
            names = [artifact["name"] for artifact in detail["artifacts"]]
            mark = f"+patchbay.{build}-"
            hold(any(mark in name for name in names), f"Build {build} made {names}, none of them with {mark}")


def _difference(found: dict[str, str], wanted: dict[str, str]) -> str:
    names = sorted(name for name in found | wanted if found.get(name) != wanted.get(name))
    return "; ".join(f"{name} is {found.get(name, 'not there')}, not {wanted.get(name, 'wanted')}" for name in names)
