"""The whole scenario: each step does what is left to do and holds the portal to what must then be true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from contributions.models import Build, Event
from demo.accounts import Accounts
from demo.carrying import Carrying
from demo.cutting import Workshop
from demo.ending import addresses
from demo.ground import Ground
from demo.installing import Customer
from demo.judging import Judging
from demo.progress import hold, wait_for
from demo.rest import Refused
from demo.sharing import KINDS_OF_PATCH, Sharing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from demo.plan import Platform, Sending, Share
    from demo.progress import Progress
    from portal.services.gitd import GitDaemon

START_SECONDS = 300


class Story:
    """The platforms one after the other, on the site at `site`; what must be kept lies in `room`."""

    def __init__(
        self, platforms: Sequence[Platform], *, room: Path, site: str, server: GitDaemon, progress: Progress
    ) -> None:
        self.room = room
        self.accounts = Accounts(room / "accounts.json", site)
        self._progress = progress
        self.chapters = [Chapter(self, platform, server, progress) for platform in platforms]

    def tell(self) -> None:
        """Raises StepFailed at the first step that does not hold."""
        step, note = self._progress.step, self._progress.note
        with step("The site starts"):
            wait_for("The site is ready", self._is_ready, seconds=START_SECONDS, pause=0.2)
            before = Event.objects.count()
        with step("People and organisations have accounts"):
            made = self.accounts.make_people()
            note(f"made {', '.join(made)}" if made else "all are there")
        for chapter in self.chapters:
            chapter.tell()
        with step("Every page answers"):
            visited = [self.accounts.nobody.fetch(address) for address in addresses(self)]
            note(f"{len(visited)} pages")
        new = Event.objects.count() - before
        note(f"{new} new lines in the history" if new else "Nothing was left to do: the history has no new line.")

    def _is_ready(self) -> bool:
        try:
            return bool(json.loads(self.accounts.nobody.fetch("/readyz").body)["ready"])
        except (Refused, OSError):
            return False


class Chapter:
    """One platform: from its source releases to a wheel that pip installs."""

    def __init__(self, story: Story, platform: Platform, server: GitDaemon, progress: Progress) -> None:
        self.platform = platform
        self.ground = Ground(platform, story.room, server)
        workshop = Workshop(self.ground.repository)
        self.sharing = Sharing(self.ground, workshop, story.accounts, progress)
        self.carrying = Carrying(self.ground, workshop, self.sharing, story.accounts)
        self.judging = Judging(self.sharing, story.accounts)
        self.customer = Customer(platform, self.sharing, story.accounts.nobody)
        self._step, self._note = progress.step, progress.note

    def tell(self) -> None:
        self._lay_the_ground()
        for number in range(1, max(share.last.number for share in self.platform.shares) + 1):
            self._share(number)
            self._judge(number)
        self._publish()
        self._hold_back()
        self._install()
        self._carry()

    def _lay_the_ground(self) -> None:
        package = self.platform.package
        with self._step(f"Real releases of {package} become a git repository"):
            self._note(self.ground.import_releases())
            self.ground.fetch_wheels()
        with self._step(f"A toolchain for {package} is prepared"):
            self._note(self.ground.prepare_tools())
        with self._step(f"{package} becomes a component, pulled from {self.ground.url}"):
            component = self.ground.add_component()
            self._note(f"{component.releases.count()} releases, recipe {component.recipe.digest[:12]}")

    def _share(self, number: int) -> None:
        sent = self._sent_as(number)
        with self._step("Customers share what they have" if number == 1 else f"Authors send v{number}"):
            count = sum(self.sharing.send(share, sending) for share, sending in sent)
            for share, sending in sent:
                self.sharing.await_receipt(share, sending)
            self._note(f"{count} sent now, all {len(sent)} received")
        patches = [(share, sending) for share, sending in sent if share.kind in KINDS_OF_PATCH]
        with self._step("Each patch meets every release"):
            for share, sending in patches:
                fits = self.sharing.await_fits(share, sending)
                told = ", ".join(f"{release} {fit}" for release, fit in fits.items())
                self._note(f"#{self.sharing.number_of(share)} v{number}: {told}")
        with self._step("Each patch is built where it fits, without a network"):
            for share, sending in patches:
                self.sharing.await_builds(share, sending)
            if number == 1:
                self._await_bare_builds()

    def _sent_as(self, number: int) -> list[tuple[Share, Sending]]:
        """What is sent as v1, v2, ...: the contributions that have such a revision."""
        shares = [share for share in self.platform.shares if len(share.revisions) >= number]
        return [(share, share.revisions[number - 1]) for share in shares]

    def _await_bare_builds(self) -> None:
        """Each release where a patch failed was built without it, to tell whose fault that was."""
        bare = Build.objects.filter(revision=None, release__component__slug=self.platform.package)
        wait_for("The bare releases are built", lambda: all(build.is_over for build in bare.all()), seconds=300)
        states = {build.release.name: build.state for build in bare.select_related("release")}
        hold(set(states.values()) <= {Build.State.PASSED}, f"The bare releases did not pass: {states}")
        self._note(
            f"without a patch: {', '.join(f'{name} {state}' for name, state in states.items()) or 'none needed'}"
        )

    def _judge(self, number: int) -> None:
        shares = self.platform.shares
        with self._step("People vote, discuss, and report from the field"):
            votes = sum(self.judging.vote(share) for share in shares) if number == 1 else 0
            remarks = sum(self.judging.discuss(share, number) for share in shares)
            reports = sum(self.judging.report(share, number) for share in shares)
            self._note(f"{votes} votes, {remarks} comments, {reports} field reports now")
        with self._step("Maintainers review"):
            for share in shares:
                for review in self.judging.review(share, number):
                    self._note(f"#{self.sharing.number_of(share)} v{number}: {review.verdict} ({review.by})")

    def _publish(self) -> None:
        shares = self.platform.shares
        with self._step("Approved builds enter the feed, and some are taken back"):
            count = sum(self.judging.await_publications(share) for share in shares)
            withdrawn = sum(self.judging.withdraw(share) for share in shares)
            self._note(f"{count} publications, {withdrawn} withdrawn now")
        with self._step("A machine reads the feed"):
            published, withdrawn = self.customer.read_feed()
            self._note(f"{published} publications, {withdrawn} withdrawals; nothing new is answered with 304")

    def _hold_back(self) -> None:
        """What does the same as something that was shared is a draft until its author has seen that."""
        for draft in self.platform.drafts:
            with self._step("What is like something else waits for its author"):
                self.sharing.send(draft, draft.last)
                self.sharing.await_receipt(draft, draft.last)
                self.sharing.await_fits(draft, draft.last)
                self.sharing.hold_back(draft)
                like = self.sharing.number_of(self.platform.share(draft.like))
                self._note(f"#{self.sharing.number_of(draft)} does the same as #{like}; only {draft.author} sees it")

    def _carry(self) -> None:
        for fork in self.platform.forks:
            with self._step("A fork is taken apart, for its organisation alone"):
                self._note(self.carrying.unmask(fork))
        for selection in self.platform.stacks:
            with self._step("What an operator carries becomes one stack, built as one"):
                laid = self.carrying.stack(selection)
                self._note(f"{selection.name}: {laid['height']} commits on {selection.release}, {laid['verdict']}")
            with self._step("It is known what the next release will cost"):
                told = self.carrying.forecast(selection)
                self._note(f"{selection.upgrade}: {', '.join(f'{key} {word}' for key, word in told.items())}")
                self._note(self.carrying.check(selection, self.ground.room))

    def _install(self) -> None:
        wanted = self.platform.installation
        with self._step("pip installs an approved build into a throw-away environment"):
            version = self.customer.install()
            self._note(f"{self.platform.package} {version}: {' '.join(wanted.command)} shows {wanted.shows}")
            for share in self.platform.shares:
                for withdrawal in share.withdrawals:
                    spared = self.customer.is_spared(share, withdrawal.release)
                    hold(spared, f"pip chose the build for {withdrawal.release} that was withdrawn")
                    self._note(f"pip leaves the withdrawn build for {withdrawal.release} alone")
