"""Rows to test with: plain functions that make the thing asked for and whatever it cannot be without."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from itertools import count
from typing import Any

from django.db import transaction
from django.utils import timezone
from securesystemslib.signer import CryptoSigner

from contributions.models import (
    Advisory,
    Artifact,
    Assembly,
    Attestation,
    Blob,
    Build,
    Builder,
    Carried,
    Claim,
    Comment,
    Comparison,
    Component,
    Contribution,
    Delivery,
    Download,
    Event,
    FieldReport,
    Fit,
    Flag,
    Fork,
    Invitation,
    LineComment,
    Lock,
    Membership,
    Notification,
    Organisation,
    Person,
    Pick,
    Publication,
    Recipe,
    Release,
    Review,
    Revision,
    Settlement,
    SigningKey,
    Stack,
    Standing,
    Tick,
    Trait,
    Unread,
    Vote,
    Webhook,
)
from contributions.pipeline import locking, reading
from contributions.signing.keys import PublicKey

serial = count(1)
PASSWORD = "a long pass phrase"

DIFF = b"""\
diff --git a/swiftclient/shell.py b/swiftclient/shell.py
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/swiftclient/shell.py
+++ b/swiftclient/shell.py
@@ -10,7 +10,8 @@ def connect(options):
     retries = options.retries
     if not retries:
         retries = 5
-    return Connection(retries=retries)
+    backoff = options.backoff or 1
+    return Connection(retries=retries, backoff=backoff)
\x20
\x20
 def close(connection):
diff --git a/tests/test_shell.py b/tests/test_shell.py
new file mode 100644
index 0000000000000000000000000000000000000000..3333333333333333333333333333333333333333
--- /dev/null
+++ b/tests/test_shell.py
@@ -0,0 +1,2 @@
+def test_backoff_is_one_second_at_first():
+    assert connect(options).backoff == 1
"""
FILES = [
    {
        "path": "swiftclient/shell.py",
        "old_path": "swiftclient/shell.py",
        "status": "modified",
        "added": 2,
        "removed": 1,
    },
    {"path": "tests/test_shell.py", "old_path": "", "status": "added", "added": 2, "removed": 0},
]


def make_commit_id() -> str:
    return hashlib.sha1(b"commit %d" % next(serial), usedforsecurity=False).hexdigest()


def make_blob(content: bytes = b"some bytes") -> Blob:
    return Blob.objects.keep_bytes(content)


def make_person(username: str = "", *, organisation: Organisation | None = None, **given: Any) -> Person:
    """An account whose password is PASSWORD; a member of `organisation` if one is given."""
    username = username or f"person{next(serial)}"
    given = {"email": f"{username}@example.org"} | given
    person: Person = Person.objects.create_user(username, password=PASSWORD, **given)
    if organisation is not None:
        Membership.objects.create(organisation=organisation, person=person)
    return person


def make_organisation(name: str = "", *, owner: Person | None = None, **given: Any) -> Organisation:
    name = name or f"Organisation {next(serial)}"
    given = {"slug": name.lower().replace(" ", "-")} | given
    organisation = Organisation.objects.create(name=name, **given)
    if owner is not None:
        Membership.objects.create(organisation=organisation, person=owner, role=Membership.Role.OWNER)
    return organisation


def belong(person: Person, organisation: Organisation, **given: Any) -> Membership:
    """Make a member of the person, without an invitation."""
    return Membership.objects.create(organisation=organisation, person=person, **given)


def make_invitation(organisation: Organisation, person: Person | None = None, **given: Any) -> Invitation:
    """An open one, to an account or else to a mail address."""
    mark = next(serial)
    usual = {
        "digest": Invitation.digest_of(f"secret {mark}"), "expires_at": timezone.now() + timedelta(days=14),
        "email": "" if person else f"guest{mark}@example.org",
    }  # fmt: skip
    given = {"invited_by": make_person()} | usual | given
    return Invitation.objects.create(organisation=organisation, person=person, **given)


def make_component(
    slug: str = "", *, maintainers: tuple[Person, ...] = (), recipe: bool = True, **given: Any
) -> Component:
    """A component whose rules ask for one approval and no more, unless they are given."""
    slug = slug or f"component{next(serial)}"
    given = {
        "name": slug.title(),
        "upstream_url": f"https://git.example.org/{slug}.git",
        "licence": "Apache-2.0",
        "cool_down_days": 0,
        "green_build_needed": False,
    } | given
    component = Component.objects.create(slug=slug, **given)
    component.maintainers.set(maintainers)
    if recipe:
        make_recipe(component)
    return component


def make_recipe(component: Component, **given: Any) -> Recipe:
    given = {"build": "python -m build --wheel --no-isolation", "artifact_patterns": ["dist/*.whl"]} | given
    return Recipe.objects.create(component=component, **given)


def make_release(component: Component | None = None, name: str = "", **given: Any) -> Release:
    component = component or make_component()
    number = next(serial)
    name = name or f"{number}.0.0"
    slug = f"{component.slug}-{name}".replace("/", "-").lower()
    given = {"ref": name, "commit": make_commit_id(), "position": number, "slug": slug} | given
    return Release.objects.create(component=component, name=name, **given)


def make_contribution(*, received: bool = True, **given: Any) -> Contribution:
    """A contribution whose first revision was received, unless `received` is False."""
    component = given.pop("component", None) or (
        given["release"].component if given.get("release") else make_component()
    )
    author = given.pop("author", None) or make_person()
    html = f"<p>{given['description']}</p>" if given.get("description") else ""
    given = {"kind": "refinement", "title": "Wait longer between retries", "description_html": html} | given
    contribution = Contribution.objects.create(component=component, author=author, **given)
    if received:
        make_revision(contribution)
    read_words(contribution)
    return contribution


def read_words(contribution: Contribution) -> None:
    """Let it be found by the words that it has now, as a worker does after every verb."""
    Unread.objects.create(contribution=contribution)
    reading.read(contribution.pk)


def make_revision(contribution: Contribution | None = None, *, diff: bytes | None = DIFF, **given: Any) -> Revision:
    """A received revision with a real diff, or without one; it becomes the contribution's current one."""
    contribution = contribution or make_contribution(received=False)
    number = contribution.revisions.count() + 1
    blob = None if diff is None else make_blob(diff)
    commit = {
        "sha": make_commit_id(),
        "subject": contribution.title,
        "body": "",
        "author": f"{contribution.author} <author@example.org>",
        "authored_at": timezone.now().isoformat(),
    }
    usual: dict[str, Any] = {
        "source": Revision.Source.PATCH,
        "filename": "0001-change.patch",
        "state": Revision.State.RECEIVED,
        "submitted_by": contribution.author,
        "release": contribution.release,
        "base_commit": make_commit_id(),
        "tip_commit": commit["sha"],
        "raw": blob,
        "mbox": blob,
        "diff": blob,
        "commits": [commit],
        "files": [] if diff is None else files_of(diff),
        "fingerprint": hashlib.sha256(diff or b"").hexdigest(),
    }
    revision = Revision.objects.create(contribution=contribution, number=number, **(usual | given))
    if revision.is_received and not revision.is_port:
        contribution.current = revision
        contribution.save(update_fields=["current"])
    return revision


def files_of(diff: bytes) -> list[dict[str, Any]]:
    """Revision.files of the built-in diff; any other diff is one file, named by its last `+++` line."""
    if diff == DIFF:
        middle = DIFF.index(b"diff --git a/tests")
        spans = [(0, middle), (middle, len(DIFF))]
        return [file | {"start": start, "end": end} for file, (start, end) in zip(FILES, spans, strict=True)]
    path = diff.rpartition(b"\n+++ b/")[2].partition(b"\n")[0].decode("utf-8", "replace") or "file"
    added = sum(line[:1] == b"+" and line[:4] != b"+++ " for line in diff.split(b"\n"))
    removed = sum(line[:1] == b"-" and line[:4] != b"--- " for line in diff.split(b"\n"))
    counts = {"added": added, "removed": removed, "start": 0, "end": len(diff)}
    return [{"path": path, "old_path": path, "status": "modified"} | counts]


def make_port(of: Revision | None = None, release: Release | None = None, **given: Any) -> Revision:
    """A received port of the revision to the release (a new one unless given)."""
    of = of or make_revision()
    release = release or make_release(of.contribution.component)
    given = {"ports": of, "release": release, "submitted_by": given.pop("submitted_by", None) or make_person()} | given
    return make_revision(of.contribution, **given)


def make_settlement(person: Person, revision: Revision, release: Release) -> Settlement:
    """One that is ready: its only place is answered with what the patch does."""
    side = {"start": 3, "lines": ["retries = 1"], "cut": 0}
    place = {
        "id": "4be1" * 5,
        "choices": ["ours", "theirs", "text"],
        "markers": [],
        "before": ["def main():"],
        "after": [],
        "base": side,
        "ours": side,
        "theirs": side,
        "texts": {"ours": "retries = 1\n", "theirs": "retries = 3\n"},
    }
    file = {"path": "swiftclient/shell.py", "how": "content", "id": "", "choices": [], "needs_git": False}
    asked = {"commit": make_commit_id(), "subject": "Retry", "number": 1, "of": 1}
    passes = [{**asked, "files": [{**file, "remembered": None, "places": [place]}]}]
    return Settlement.objects.create(
        person=person,
        revision=revision,
        release=release,
        release_commit=release.commit,
        state=Settlement.State.READY,
        answers={place["id"]: ["theirs", ""]},
        passes=Blob.objects.keep_bytes(json.dumps(passes).encode()),
        mbox=Blob.objects.keep_bytes(b"From: a\n"),
        bundle=Blob.objects.keep_bytes(b"# v2 git bundle\n"),
    )


def make_fit(revision: Revision | None = None, release: Release | None = None, **given: Any) -> Fit:
    revision = revision or make_revision()
    release = release or make_release(revision.contribution.component)
    given = {"state": Fit.State.APPLIES, "release_commit": release.commit, "commit": make_commit_id()} | given
    return Fit.objects.create(revision=revision, release=release, **given)


def make_reason(path: str = "swiftclient/shell.py") -> dict[str, Any]:
    """What an inquiry keeps with a fit that conflicts in one place of a file, and in one that upstream deleted."""
    commit = {"commit": "4be1" * 10, "subject": "Count in German", "author": "Ada", "at": "2026-01-05T10:00:00+00:00"}
    blame = [
        {"path": path, "why": "changed", **commit, "merge": "", "hunks": 1},
        {"path": "gone.py", "why": "missing", **commit, "merge": "5cf2" * 10, "hunks": 0},
        {"path": "logo.png", "why": "unknown", **dict.fromkeys(commit, ""), "merge": "", "hunks": 0},
    ]
    hunk = {
        "base": {"start": 12, "lines": ["    retries = 5", "    wait = 1"], "cut": 0},
        "ours": {"start": 14, "lines": ["    retries = FUENF", "    wait = 1"], "cut": 0},
        "theirs": {"start": 12, "lines": ["    retries = options.retries or 5"], "cut": 3},
        "before": ["def connect(options):", "\t# <b>as asked</b>"],
        "after": ["    return Connection(retries)"],
    }
    files = [
        {"path": path, "how": "content", "count": 2, "hunks": [hunk]},
        {"path": "gone.py", "how": "gone-here", "count": 0, "hunks": []},
        {"path": "logo.png", "how": "binary", "count": 0, "hunks": []},
    ]
    clash = make_blob(json.dumps({"files": files}).encode())
    return {"conflicts": [path, "gone.py", "logo.png"], "blame": blame, "clash": clash}


def make_build(
    revision: Revision | None = None, release: Release | None = None, *, log: bytes = b"all is well\n", **given: Any
) -> Build:
    """A build of a revision, passed unless `state` is given; a release without a revision is the bare build."""
    if release is None:
        revision = revision or make_revision()
        release = make_release(revision.contribution.component)
    usual: dict[str, Any] = {
        "serial": Build.objects.filter(revision=revision, release=release).count() + 1 if revision else 1,
        "commit": release.commit,
        "recipe": {"build": "true"},
        "recipe_digest": hashlib.sha256(b"recipe").hexdigest(),
        "state": Build.State.PASSED,
    }
    usual |= given
    if usual["state"] not in {Build.State.QUEUED, Build.State.RUNNING}:
        now = timezone.now()
        usual = {"log": make_blob(log), "started_at": now, "finished_at": now, "exit_code": 0} | usual
    return Build.objects.create(revision=revision, release=release, **usual)


def make_artifact(build: Build | None = None, name: str = "", content: bytes = b"wheel", **given: Any) -> Artifact:
    """A file of a build (a new one unless given); give `revision=` instead for an uploaded executable."""
    if not given.get("revision"):
        build = build or make_build()
    name = name or f"swiftclient-{next(serial)}.0-py3-none-any.whl"
    return Artifact.objects.create(build=build, name=name, blob=make_blob(content), **given)


def make_signing_key(role: str = "builds", **given: Any) -> SigningKey:
    """A public key whose private half nobody keeps."""
    public = PublicKey(role, CryptoSigner.generate_ed25519().public_key)
    return SigningKey.objects.create(role=role, keyid=public.keyid, pem=public.pem, **given)


def make_attestation(build: Build | None = None, **given: Any) -> Attestation:
    """A signed one, unless `state` is given; its documents are only some bytes."""
    build = build or make_artifact().build
    usual: dict[str, Any] = {"state": Attestation.State.SIGNED}
    if given.get("state", Attestation.State.SIGNED) == Attestation.State.SIGNED:
        words = f"of build {build.pk}".encode()
        usual |= {"provenance": make_blob(b"envelope " + words), "bill": make_blob(b"bill " + words)}
        usual |= {"key": given.get("key") or make_signing_key(), "finished_at": timezone.now()}
    return Attestation.objects.create(build=build, **(usual | given))


def make_stack(*picked: Contribution, **given: Any) -> Stack:
    """A private stack of these contributions (of a new one unless given), on the first one's release."""
    picked = picked or (make_contribution(release=make_release()),)
    component = picked[0].component
    author = given.pop("author", None) or make_person()
    usual = {"component": component, "name": f"Stack {next(serial)}", "organisation": author.organisation}
    if "release" not in given:
        given["release"] = picked[0].release or make_release(component)
    stack = Stack.objects.create(author=author, **(usual | given))
    for position, contribution in enumerate(picked):
        Pick.objects.create(stack=stack, contribution=contribution, position=position)
    return stack


def make_assembly(stack: Stack | None = None, **given: Any) -> Assembly:
    """One that is ready: every pick's current revision laid on, with commits of nobody's."""
    stack = stack or make_stack()
    picks = list(stack.picks.select_related("contribution__current"))
    revisions = [pick.contribution.current for pick in picks]
    asked = [
        {"contribution": one.contribution_id, "revision": one.number, "pk": one.pk, "needs": []} for one in revisions
    ]
    laid = {"state": "applied", "why": "", "alone": "applies", "commits": 1, "squashed": False, "holder": 0}
    laid |= {"against": [], "paths": []}
    order = [entry | laid | {"commit": make_commit_id(), "tree": make_commit_id()} for entry in asked]
    usual: dict[str, Any] = {
        "number": stack.assemblies.count() + 1, "release": stack.release, "release_commit": stack.release.commit,
        "asked": asked, "digest": make_commit_id(), "state": Assembly.State.READY, "order": order,
        "height": len(order), "commit": order[-1]["commit"], "tree": order[-1]["tree"], "asked_by": stack.author,
    }  # fmt: skip
    assembly = Assembly.objects.create(stack=stack, **(usual | given))
    assembly.contributions.set([pick.contribution for pick in picks])
    return assembly


def make_lock(assembly: Assembly | None = None) -> Lock:
    """Written by the code that writes locks, from mails and a pack that no git would take."""
    assembly = assembly or make_assembly()
    mails = tuple((one["commit"], locking.MAIL % one["commit"].encode() + DIFF) for one in assembly.laid)
    with transaction.atomic():
        return locking.lock(assembly, locking.Outcome(b"bundle", mails, b"PACK", "0" * 40, b"index"))


def make_publication(build: Build | None = None, **given: Any) -> Publication:
    """A live publication of a passed build with one artifact."""
    build = build or make_build()
    if not build.artifacts.exists():
        make_artifact(build)
    given = {"revision": build.revision, "release": build.release} | given
    return Publication.objects.create(build=build, **given)


def make_publication_of_upload(contribution: Contribution) -> Publication:
    """A live publication of an executable that nobody here has built."""
    return Publication.objects.create(revision=contribution.current, release=contribution.release)


def make_fork(author: Person | None = None, *, component: Component | None = None, **given: Any) -> Fork:
    """One that was taken apart for its author's organisation: a draft, and a patch that was left out."""
    release = make_release(component)
    author = author or make_person(organisation=make_organisation())
    usual = {"state": Fork.State.DONE, "git_url": "https://git.example.org/ours.git", "release": release}
    usual |= {"organisation": author.organisation, "commit_count": 2, "tip_commit": make_commit_id()}
    fork: Fork = Fork.objects.create(component=release.component, author=author, **(usual | given))
    make_carried(fork)
    make_carried(fork, state=Carried.State.LEFT_OUT, title="Bump the version", raw=make_blob(b"a bundle"))
    return fork


def make_carried(fork: Fork, **given: Any) -> Carried:
    """A patch of the fork; a received draft, unless `state` is given."""
    usual: dict[str, Any] = {"position": fork.carried.count() + 1, "key": make_commit_id(), "title": "Wait longer"}
    usual |= {"state": Carried.State.DRAFTED, "commits": [{"sha": make_commit_id(), "subject": "Wait longer"}]}
    usual |= given
    if usual["state"] == Carried.State.DRAFTED and "contribution" not in usual:
        draft = make_contribution(
            component=fork.component, release=fork.release, author=fork.author, organisation=fork.organisation,
            title=usual["title"], is_draft=True, is_internal=True, received=False,
        )  # fmt: skip
        make_revision(draft, source=Revision.Source.FORK)
        usual["contribution"] = draft
    return Carried.objects.create(fork=fork, **usual)


def make_comparison(older: Revision | None = None, newer: Revision | None = None, **given: Any) -> Comparison:
    """One that is done: a commit that was changed, and the built-in diff."""
    older = older or make_revision()
    newer = newer or make_revision(older.contribution)
    commit = {"word": "changed", "old": older.tip_commit, "new": newer.tip_commit, "subject": "Wait longer"}
    usual: dict[str, Any] = {"state": Comparison.State.DONE}
    if given.get("state", usual["state"]) == Comparison.State.DONE:
        usual |= {"commits": [commit | {"is_reworded": False}], "files": files_of(DIFF), "diff": make_blob(DIFF)}
    return Comparison.objects.create(older=older, newer=newer, **(usual | given))


def make_comment(contribution: Contribution | None = None, text: str = "It works.", **given: Any) -> Comment:
    contribution = contribution or make_contribution()
    author = given.pop("author", None) or make_person()
    given = {"html": f"<p>{text}</p>"} | given
    return Comment.objects.create(contribution=contribution, text=text, author=author, **given)


def make_remark(revision: Revision | None = None, text: str = "Why one?", **given: Any) -> LineComment:
    """A published remark on the line that the built-in diff adds first; a draft with `published_at=None`."""
    revision = revision or make_revision()
    author = given.pop("author", None) or make_person()
    usual = {
        "path": "swiftclient/shell.py",
        "old_path": "swiftclient/shell.py",
        "start": 13,
        "end": 13,
        "quoted": "    backoff = options.backoff or 1",
        "before": "    retries = options.retries\n    if not retries:\n        retries = 5",
        "after": "    return Connection(retries=retries, backoff=backoff)",
        "html": f"<p>{text}</p>",
        "published_at": timezone.now(),
    }
    return LineComment.objects.create(
        contribution=revision.contribution, revision=revision, author=author, text=text, **(usual | given)
    )


def make_vote(contribution: Contribution | None = None, value: int = 1, **given: Any) -> Vote:
    contribution = contribution or make_contribution()
    person = given.pop("person", None) or make_person()
    return Vote.objects.create(contribution=contribution, person=person, value=value, **given)


def make_report(contribution: Contribution | None = None, release: Release | None = None, **given: Any) -> FieldReport:
    contribution = contribution or make_contribution()
    release = release or make_release(contribution.component)
    organisation = given.pop("organisation", None) or make_organisation()
    author = given.pop("author", None) or make_person(organisation=organisation)
    usual = {"revision": contribution.current, "outcome": "works", "stage": "production", "reported_at": timezone.now()}
    return FieldReport.objects.create(
        contribution=contribution, release=release, organisation=organisation, author=author, **(usual | given)
    )


def make_claim(contribution: Contribution | None = None, text: str = "Names are lost", **given: Any) -> Claim:
    contribution = contribution or make_contribution()
    return Claim.objects.create(contribution=contribution, text=text, **({"kind": "fixes"} | given))


def make_tick(claim: Claim | None = None, **given: Any) -> Tick:
    claim = claim or make_claim()
    person = given.pop("person", None) or make_person()
    usual = {"holds": True, "revision": claim.contribution.current}
    return Tick.objects.create(claim=claim, person=person, **(usual | given))


def make_trait(component: Component | None = None, name: str = "Hypervisor", *choices: str) -> Trait:
    component = component or make_component()
    return Trait.objects.create(
        component=component, name=name, slug=name.lower(), choices=list(choices) or ["kvm", "xen"]
    )


def make_review(revision: Revision | None = None, **given: Any) -> Review:
    revision = revision or make_revision()
    reviewer = given.pop("reviewer", None) or make_person()
    given = {"verdict": Review.Verdict.APPROVE, "reviewed_at": timezone.now()} | given
    return Review.objects.create(revision=revision, reviewer=reviewer, **given)


def make_flag(thing: Contribution | Comment | Person | None = None, **given: Any) -> Flag:
    """An open flag for spam on a contribution (a new one unless given), a comment or an account."""
    thing = thing or make_contribution()
    kinds = ((Contribution, "contribution"), (Comment, "comment"), (Person, "account"))
    on = next(name for kind, name in kinds if isinstance(thing, kind))
    reporter = given.pop("reporter", None) or make_person()
    return Flag.objects.create(reporter=reporter, **{on: thing}, **({"reason": "spam"} | given))


def make_advisory(*affected: Revision, **given: Any) -> Advisory:
    revisions = affected or (make_revision(),)
    component = revisions[0].contribution.component
    usual = {"title": "Reads any file", "description": "It does.", "html": "<p>It does.</p>", "severity": "high"}
    author = given.pop("author", None) or make_person()
    advisory = Advisory.objects.create(component=component, author=author, **(usual | given))
    advisory.affected.set(revisions)
    return advisory


def make_webhook(organisation: Organisation | None = None, url: str = "", **given: Any) -> Webhook:
    organisation = organisation or make_organisation()
    url = url or f"https://hooks.example.org/{next(serial)}"
    usual = {"secret": "pbw_secret", "topics": ["recalls"], "made_by": given.pop("made_by", None) or make_person()}
    return Webhook.objects.create(organisation=organisation, url=url, **(usual | given))


def make_delivery(webhook: Webhook | None = None, **given: Any) -> Delivery:
    given = {"word": "trial", "body": '{"event": "trial"}'} | given
    return Delivery.objects.create(webhook=webhook or make_webhook(), **given)


def make_download(organisation: Organisation, blob: Blob, **given: Any) -> Download:
    return Download.objects.create(organisation=organisation, blob=blob, **given)


def make_notification(person: Person, event: Event, **given: Any) -> Notification:
    about = {"why": "following", "contribution": event.contribution}
    return Notification.objects.create(person=person, event=event, **(about | given))


def recompute(contribution: Contribution) -> Contribution:
    """Count the contribution's evidence anew, as every action does."""
    with transaction.atomic():
        Standing.objects.recompute(contribution)
    return contribution


def make_builder(host: str = "builder-1", **given: Any) -> Builder:
    """A host whose sandbox keeps one promise, under control groups of the second version."""
    facts = {"version": "0.8.0", "user": 64999, "kernel": "6.1", "machine": "x86_64"}
    facts |= {"cgroups": {"version": 2, "bound": ["cpu", "memory", "pids"]}}
    promise = {"name": "a jail starts", "held": True, "essential": True, "detail": "The build passed."}
    values = {"executor": "bubblewrap", "facts": facts, "promises": [promise], "checked_at": timezone.now()}
    return Builder.objects.create(host=host, **(values | given))


def approve(contribution: Contribution) -> Contribution:
    """Approved, with its line in the history, whatever the rules say."""
    contribution.move(Contribution.State.APPROVED)
    Event.objects.write(Event.Verb.APPROVED, contribution=contribution, revision=contribution.current)
    return contribution
