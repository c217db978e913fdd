"""Taking a fork apart: what upstream has is dropped, what the portal has is linked, the rest is drafted privately.

Each patch is written in one transaction with its draft, under the key of its first commit: a worker that is killed
half-way leaves whole rows, and the next one goes on behind them.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from contributions.checkout import fingerprints, forks, lifting, mirror
from contributions.checkout.lineage import Lineage, files_in, read_lineage
from contributions.checkout.remainders import Remainders, touched_by_one
from contributions.checkout.runner import GitFailed
from contributions.checkout.sighting import Seen, Upstream
from contributions.checkout.unmasking import Fate, Logical, logical_patches
from contributions.checkout.upstream import Evidence
from contributions.errors import LeaseLost, Refusal, TooLarge, Trouble
from contributions.models import Blob, Carried, Event, Fork, Release, Revision
from contributions.plaintext import clean

from .areas import work_area
from .drafting import Told, written
from .leasing import leased
from .places import mirror_of
from .recognising import by_change_id, by_fingerprint, by_key, own_drafts
from .remaining import SEVERAL, Whole, merges_data, rest_patch, said_of_merges, said_of_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence, Set as AbstractSet
    from pathlib import Path

    from contributions.checkout.lineage import Change, Own
    from contributions.checkout.remainders import Edited

    from .leasing import Lease

State = Carried.State
MOST_PATCHES = 500
SAME, CHANGED = "The same change.", "It was drafted of the same commit, which the fork changed since."
TOO_MUCH = "Its commits change more files, or say more, than the portal can read at once."
LANES = 2  # drafts of one fork that are received at the same time: others' work has its turn between them


def unmask(pk: int) -> Sequence[Revision]:
    """Take the fork apart if it waits for that; return the first drafts to receive. The others follow one by one."""
    fork: Fork | None = Fork.objects.claim(pk)
    if fork is None:
        return []
    with leased(fork) as lease:
        try:
            _take_apart(fork, lease)
        except Refusal as refusal:
            fork.finish(Fork.State.REFUSED, sentence=clean(refusal.sentence), step="")
        except GitFailed as failure:
            if failure.is_of_size:
                fork.finish(Fork.State.REFUSED, sentence=TOO_MUCH, step="")
            else:
                fork.put_back(failure.sentence)
        except Trouble as trouble:
            fork.put_back(trouble.sentence)
    return next_to_receive(fork, LANES)


def next_to_receive(fork: Fork, most: int = 1) -> Sequence[Revision]:
    """The next drafts of the fork that nobody was rung for."""
    rows = Revision.objects.filter(contribution__carried__fork=fork, state=Revision.State.QUEUED, rung_at=None)
    found = list(rows.order_by("contribution")[:most])
    Revision.objects.filter(pk__in=[row.pk for row in found]).update(rung_at=Now())
    return found


def after(pk: int) -> Sequence[Revision]:
    """What of the same fork has its turn once this draft of it was received."""
    drafts = Carried.objects.filter(contribution__revisions=pk, contribution__revisions__source=Revision.Source.FORK)
    fork = Fork.objects.filter(carried__in=drafts).first()
    return next_to_receive(fork) if fork else []


def _take_apart(fork: Fork, lease: Lease) -> None:
    with work_area() as place, ExitStack() as opened:
        step(fork, "Pulling it")
        repository, tip = _received(fork, place)
        work = _Work(fork, lease, opened, repository)
        work.read(tip)
        work.sort()
        work.judge()
        work.gather()
        work.link()
        work.write()
    with transaction.atomic():
        fork.finish(Fork.State.DONE, step="", sentence="")
        Event.objects.write(
            Event.Verb.UNMASKED, actor=fork.author, component=fork.component, organisation=fork.organisation
        )


def _received(fork: Fork, place: Path) -> tuple[Path, str]:
    upstream, quarantine = mirror_of(fork.component), place / "fork.git"
    if fork.raw is None:
        private = settings.ALLOW_PRIVATE_UPSTREAMS
        return quarantine, forks.fetch_fork(
            fork.git_url, fork.git_ref, quarantine, alternates=upstream, allow_private=private
        )
    bundle = place / "fork.bundle"
    bundle.write_bytes(fork.raw.read())
    return quarantine, forks.unpack_fork(bundle, fork.git_ref, quarantine, alternates=upstream)


def step(fork: Fork, words: str, total: int = 0, **columns: object) -> None:
    """Say what is done now. Raises LeaseLost when the fork is not ours any more: it was cancelled, or taken over."""
    mine = Fork.objects.filter(pk=fork.pk, lease=fork.lease, state=Fork.State.RUNNING)
    if not mine.update(step=words, stepped_at=Now(), done=0, total=total, **columns):
        raise LeaseLost("The fork is not taken apart any more.")


@dataclass
class _Found:
    """A patch, how it is to stand, and what was found out of it."""

    patch: Logical
    told: Told
    plan: lifting.Plan | None = None
    lifted: lifting.Lifted | None = None
    number: str = ""  # its patch id once it stands on the release


class _Work:
    """One fork on its way through the steps, each of which needs what the one before found."""

    def __init__(self, fork: Fork, lease: Lease, opened: ExitStack, repository: Path) -> None:
        self.fork, self.lease, self.opened, self.repository = fork, lease, opened, repository
        self.mirror = mirror_of(fork.component)
        self.releases = _releases_of(fork)
        self.found: list[_Found] = []

    def read(self, tip: str) -> None:
        """Find the nearest release and the fork's own commits."""
        step(self.fork, "Looking for the nearest release")
        branches = [seen.commit for seen in mirror.releases_in(self.mirror, ".*")]
        commits = list(dict.fromkeys(release.commit for release in self.releases))
        self.tips = [*commits, *branches]
        self.lineage: Lineage = read_lineage(self.repository, tip, commits, branches)
        self.fork.release = next(one for one in self.releases if one.commit == self.lineage.release)
        own = self.lineage.commits
        step(
            self.fork, "Sorting commits into patches",
            release=self.fork.release, tip_commit=tip, commit_count=len(own), note=self.lineage.import_note,
        )  # fmt: skip

    def sort(self) -> None:
        """Make logical patches of them, and plans of how those stand on the release."""
        patches = logical_patches(self.lineage.commits, self.lineage.tip, self._diff_of)
        if len(patches) > MOST_PATCHES:
            raise TooLarge(f"The fork carries {len(patches):,} patches; {MOST_PATCHES} is the most.", field="git_ref")
        self.remainders = self.opened.enter_context(Remainders(self.repository, self.lineage))
        self.base = self.remainders.ground()
        self.ground = self._ground(self.lineage.release, self._settled(patches))
        step(self.fork, "Laying each on the nearest release", len(patches))
        for patch in patches:
            self.found += self._planned(patch)
            self._count()

    def _ground(self, release: str, settled: lifting.Files | None = None) -> lifting.Ground:
        return self.opened.enter_context(lifting.Ground(self.repository, release, settled))

    def _settled(self, patches: Sequence[Logical]) -> lifting.Files:
        """What merges settled can be told only where the fork has of upstream what the release has, and no more."""
        if self.base != self.lineage.release:
            return {}
        return touched_by_one(patches, dict(files_in(self.repository, self.lineage.tip)))

    def _diff_of(self, commit: Own) -> bytes:
        return fingerprints.diff(self.repository, commit.before, commit.id)

    def _planned(self, patch: Logical) -> Iterator[_Found]:
        if patch.fate == Fate.TAKEN_BACK:
            yield _Found(patch, Told(State.LEFT_OUT, patch.why))
            return
        plan = self.ground.plan(patch)
        parts = [(patch, plan)] if plan else [(part, self.ground.plan(part)) for part in patch.apart()]
        for part, own in parts:
            told = Told(State.LEFT_OUT, patch.why) if patch.fate == Fate.NOISE else Told(sentence=self._how(own))
            yield _Found(part, told, own)

    def _how(self, plan: lifting.Plan | None) -> str:
        is_settled = plan is not None and plan.is_settled and self.fork.release is not None
        return f"As a merge of the fork settled it with {self.fork.release}." if is_settled else ""

    def _count(self) -> None:
        if not self.lease.is_held():
            raise LeaseLost("The fork is not taken apart any more.")
        Fork.objects.filter(pk=self.fork.pk, lease=self.fork.lease).update(done=F("done") + 1)

    def judge(self) -> None:
        """Ask upstream's history, the newest release and the portal whether they have it."""
        step(self.fork, "Asking what upstream has taken in")
        self.numbers = fingerprints.patch_ids_by_commit(
            self.repository, [own.id for own in self.lineage.commits if own.changes and not own.is_merge]
        )
        upstream = Upstream(self.mirror, self.lineage.fork_point, self.tips)
        open_ones = [one for one in self.found if one.patch.fate == Fate.CARRIED]
        upstream.compare(
            paths for one in open_ones for paths in (one.patch.paths, *(own.paths for own in one.patch.commits))
        )
        for one in open_ones:
            _judged_by_history(one, upstream, self.numbers)
        self._lift(upstream)
        self._judge_by_newest(open_ones)

    def _lift(self, upstream: Upstream) -> None:
        """Make the commits of all that may be drafted, and number them as the portal numbers changes."""
        laid = [one for one in self.found if one.plan and not one.plan.changes_nothing and not _faulty(one)]
        self._make_commits(laid)
        for one in laid:
            if one.told.state == State.DRAFTED and (seen := upstream.has(one.number)):
                _say(one, seen)

    def _make_commits(self, laid: Sequence[_Found]) -> None:
        for one, lifted in zip(laid, self.ground.lift([one.plan for one in laid if one.plan]), strict=True):
            one.lifted, one.told.base = lifted, lifted.base
        single = {one.lifted.tip: one for one in laid if one.lifted and len(one.patch.groups) == 1}
        numbers = fingerprints.patch_ids_by_commit(self.repository, list(single))
        for one in laid:
            if one.lifted is None:
                continue
            known = numbers.get(one.lifted.tip) if one.lifted.tip in single else None
            one.number = known or fingerprints.patch_id(self.repository, one.lifted.base, one.lifted.tip)

    def _judge_by_newest(self, found: Sequence[_Found]) -> None:
        newest = self.releases[0]
        for one in found:
            if one.told.state == State.DRAFTED and one.plan and one.plan.changes_nothing:
                _has_it(one, self.fork.release)
        if newest.commit == self.lineage.release:
            return
        waiting = [one for one in found if one.told.state == State.DRAFTED]
        step(self.fork, "Laying each on the newest release", len(waiting))
        ground = self._ground(newest.commit)
        for one in waiting:
            if ground.has(one.patch):
                _has_it(one, newest)
            self._count()

    def gather(self) -> None:
        """What the merges changed by themselves, and whether all patches together are the fork."""
        merges = [own for own in self.lineage.commits if own.is_merge]
        step(self.fork, "Trying its merges again", len(merges))
        edited = [one for own in merges if (one := self._tried_again(own))]
        step(self.fork, "Laying one onto the other")
        whole = self._made_whole(edited)
        said = (self.lineage.import_note, said_of_merges(edited, len(merges)), said_of_whole(whole))
        step(self.fork, "Asking what the portal has", note=" ".join(words for words in said if words))

    def _tried_again(self, merge: Own) -> Edited | None:
        self._count()
        return self.remainders.edited(merge)

    def _made_whole(self, edited: Sequence[Edited]) -> Whole:
        if not self.base:
            self._add_rest(edited, {}, SEVERAL)
            return Whole("")
        laid = [one for one in self.found if one.lifted]
        rest = self.remainders.rest(self.base, [one.lifted for one in laid if one.lifted])
        for number, paths in rest.misfits.items():
            _add(laid[number], f"Laid after the earlier ones it conflicts in {', '.join(paths[:5])}.")
        left = {path for one in self.found if _is_unlaid(one) for path in one.patch.paths}
        changes = {path: change for path, change in rest.changes.items() if path not in left}
        brought = self._add_rest(edited, changes, "All of it is in the patches above, or was changed again.")
        missing = rest.changes.keys() - brought
        return Whole(self._named(self.base), bool(brought), len(rest.misfits), sorted(missing))

    def _add_rest(self, edited: Sequence[Edited], changes: Mapping[bytes, Change], sentence: str) -> AbstractSet[bytes]:
        """One more patch of what is left, if there is any; the files that it brings."""
        if not edited and not changes:
            return set()
        patch = rest_patch(self.lineage, edited, changes)
        one = _Found(patch, Told(commits=merges_data(edited)))
        self.found.append(one)
        if not changes:
            one.told.state, one.told.sentence = State.LEFT_OUT, sentence
            return set()
        one.plan = self.ground.plan_rest(patch)
        if _faulty(one):
            return set()
        self._make_commits([one])
        return changes.keys()

    def _named(self, commit: str) -> str:
        release = next((release for release in self.releases if release.commit == commit), None)
        return release.name if release else f"upstream's {commit[:12]}"

    def link(self) -> None:
        """What the portal has, as far as the fork's author may know of it."""
        waiting, numbers = [one for one in self.found if one.told.state == State.DRAFTED], self.numbers
        asked = {one.number for one in waiting} | {
            numbers.get(own.id, "") for one in waiting for own in one.patch.commits
        }
        known = by_fingerprint(self.fork, asked - {""})
        ids = {name for one in waiting for own in one.patch.commits for name in own.change_ids}
        named = by_change_id(self.fork, ids)
        keyed = by_key(self.fork, {one.patch.key for one in waiting})
        for one in waiting:
            commits = one.patch.commits
            words = [one.number, *([numbers.get(commits[0].id, "")] if len(commits) == 1 else [])]
            same = next((known[word] for word in words if word in known), None)
            earlier = keyed.get(one.patch.key)
            follow_up = next((named[name] for own in commits for name in sorted(own.change_ids) if name in named), None)
            if contribution := same or earlier or follow_up:
                one.told.state, one.told.contribution = State.KNOWN, contribution
                one.told.sentence = SAME if same else CHANGED if earlier else "It carries the same Change-Id."
        drafts = own_drafts(self.fork, {one.told.contribution.pk for one in waiting if one.told.contribution})
        for one in waiting:
            one.told.earlier = drafts.get(one.told.contribution.pk) if one.told.contribution else None
            one.told.number = one.number

    def write(self) -> None:
        """Each patch, and the draft of what nobody has, in a transaction of its own."""
        step(self.fork, "Drafting what nobody has", len(self.found))
        there = set(self.fork.carried.values_list("key", flat=True))
        last = self.fork.carried.aggregate(last=Max("position"))["last"] or 0
        for one in self.found:
            if one.patch.key not in there:
                last += 1
                self._write(one, last)
            self._count()

    def _write(self, one: _Found, position: int) -> None:
        keeps_bytes = one.lifted is not None and (one.told.state != State.KNOWN or one.told.earlier is not None)
        if one.plan and not one.plan.stands_alone:
            one.told.needs = self._needs_of(one)
        bundle = self.ground.bundle(one.lifted) if one.lifted and keeps_bytes else b""
        with transaction.atomic():
            if not Fork.objects.select_for_update().filter(pk=self.fork.pk, lease=self.fork.lease).exists():
                raise LeaseLost("The fork is not taken apart any more.")
            one.told.raw = Blob.objects.keep_bytes(bundle) if bundle else None
            written(self.fork, position, one.patch, one.told)

    def _needs_of(self, one: _Found) -> list[str]:
        """The earlier patches that its files come from, as the release has those otherwise."""
        base = one.plan.base.keys() if one.plan else set()
        earlier = self.found[: self.found.index(one)]
        return [
            other.patch.key
            for other in earlier
            if other.told.state in {State.DRAFTED, State.KNOWN} and other.patch.paths & base
        ]


def _releases_of(fork: Fork) -> list[Release]:
    """Those that are supported first, and of each the newest first."""
    rows = Release.objects.filter(component=fork.component_id).newest_first()
    return sorted(rows, key=lambda release: (not release.is_supported, release.is_candidate))


def _faulty(one: _Found) -> bool:
    fault = lifting.fault_of(one.plan) if one.plan else ""
    if fault:
        one.told.state, one.told.sentence = State.LEFT_OUT, fault
    return bool(fault)


def _is_unlaid(one: _Found) -> bool:
    """Whether it is a change that no draft can bring."""
    return bool(one.plan and one.lifted is None and not one.plan.changes_nothing)


def _add(one: _Found, sentence: str) -> None:
    one.told.sentence = f"{one.told.sentence} {sentence}".strip()


def _judged_by_history(one: _Found, upstream: Upstream, numbers: dict[str, str]) -> None:
    commits = one.patch.commits
    seen = [upstream.sighting(own, numbers.get(own.id, "")) for own in commits]
    sure = [each for each in seen if each and each.is_sure]
    if sure and len(sure) == len(commits):
        _say(one, sure[-1])
        return
    words = []
    if sure:
        words.append(f"{len(sure)} of its {len(commits)} commits are in upstream.")
    words += [back for own in commits if (back := upstream.taken_back(own))]
    if namesake := next((each for each in seen if each and not each.is_sure), None):
        words.append(f"Upstream's {namesake.commit[:12]} has the same subject: compare them.")
    _add(one, " ".join(dict.fromkeys(words)))


def _say(one: _Found, seen: Seen) -> None:
    one.told.state, one.told.upstream_commit, one.told.evidence = State.UPSTREAM, seen.commit, seen.evidence
    one.told.sentence = ""


def _has_it(one: _Found, release: Release | None) -> None:
    one.told.state, one.told.evidence = State.UPSTREAM, Evidence.EMPTY_MERGE
    one.told.sentence = f"Laid on {release.name if release else 'the release'} it changes nothing."
