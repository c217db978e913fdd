"""What a body may say. A field that is not named here is refused, so that nothing is set that nobody meant to open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contributions.actions.advising import MOST_REVISIONS
from contributions.actions.following import NAME_LENGTH
from contributions.actions.reconciling import MOST_ANSWERS
from contributions.actions.sources import ArtifactFile, GitRef, Note, PatchFile
from contributions.actions.taking_in import MOST_AT_ONCE
from contributions.actions.unmasking import MOST_PATCHES
from contributions.actions.vocabulary import MOST_CHOICES, MOST_TRAITS
from contributions.checkout.weaving import CHOICES
from contributions.claims import MOST
from contributions.errors import Invalid
from contributions.models import (
    Advisory,
    Contribution,
    FieldReport,
    Flag,
    LineComment,
    Membership,
    Person,
    Review,
    Webhook,
)
from contributions.models.component import MOST_LICENCES
from contributions.models.following import QUERY_LENGTH
from contributions.models.news import About, Rhythm
from contributions.models.tag import MOST_TAGS
from contributions.patterns import LONGEST

from .fields import BIGGEST_KEY, Text, WholeNumber

if TYPE_CHECKING:
    from contributions.actions.sources import Source

MOST_RELEASES = 100  # that a note may name
MOST_READ = 1000  # notifications that are marked at once
MOST_NAMED = 20  # unknown fields that a refusal names
HOLDS_FOR = "Of an experience: the names or slugs of the releases where it is true; none means all."
LICENCE = "An SPDX expression that the component takes; its own unless one is named."
HOLD = "Keep it a draft until nothing is found to be like it, or until you share it."
PASTED = "pasted.patch"  # the file name of a patch that came as JSON text


class Input(serializers.Serializer[Any]):
    """An object whose fields are all known."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            strangers = sorted(str(name)[:60] for name in data if name not in self.fields)
            if strangers:
                named = strangers[:MOST_NAMED]
                raise serializers.ValidationError({name: ["There is no such field here."] for name in named})
        return super().to_internal_value(data)


BYTES = {"type": "string", "format": "binary"}


@extend_schema_field(BYTES)
class AttachedFile(serializers.FileField):
    """A file of a form."""


@extend_schema_field(BYTES)
class FileOrText(serializers.FileField):
    """A file of a form, or the same as text."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            try:
                return ContentFile(data.encode(), name=PASTED)
            except UnicodeEncodeError:
                raise serializers.ValidationError("This text holds half of a character.") from None
        return super().to_internal_value(data)


class SourceInput(Input):
    """The one thing that a revision is made of."""

    patch = FileOrText(
        required=False, allow_empty_file=True, help_text="A patch, a mailbox of patches or a git bundle."
    )
    git_url = Text(required=False, help_text="A git server, together with git_ref.")
    git_ref = Text(required=False, help_text="A branch, a tag or a commit there.")
    artifact = AttachedFile(required=False, allow_empty_file=True, help_text="A prebuilt executable.")
    sha256 = Text(required=False, allow_blank=True, help_text="Of the artifact, to be checked on arrival.")
    claims = Text(
        required=False,
        allow_blank=True,
        help_text="Of an artifact: the patch that it was built from, as #12 or #12 v3.",
    )
    description = Text(required=False, allow_blank=True, help_text="Markdown; of an experience, the experience itself.")


def source_of(sent: Mapping[str, Any]) -> Source:
    """What was sent, as an action takes it; words alone are a note. Raises Invalid for two things at once."""
    given = [name for name in ("patch", "git_url", "artifact") if name in sent]
    if len(given) > 1:
        raise Invalid(f"Send either {' or '.join(given)}, not both.", field=given[1])
    if ("git_url" in sent) != ("git_ref" in sent):
        missing = "git_ref" if "git_url" in sent else "git_url"
        raise Invalid("A git_url and a git_ref go together.", field=missing)
    if "sha256" in sent and "artifact" not in sent:
        raise Invalid("A sha256 belongs to an artifact.", field="sha256")
    if "claims" in sent and "artifact" not in sent:
        raise Invalid("Only an artifact can say what it was built from.", field="claims")
    if "patch" in sent:
        return PatchFile(sent["patch"])
    if "git_url" in sent:
        return GitRef(sent["git_url"], sent["git_ref"])
    if "artifact" in sent:
        return ArtifactFile(sent["artifact"], sent.get("sha256", ""), sent.get("claims", ""))
    return Note(sent.get("description", ""))


FIXES = "What it fixes, one a line: the address or number of a bug, and a few words."
TESTS = "How to see that it works, one test a line."


class ContributionInput(SourceInput):
    fixes = Text(required=False, allow_blank=True, help_text=FIXES)
    tests = Text(required=False, allow_blank=True, help_text=TESTS)
    component = Text(help_text="Its slug.")
    kind = serializers.ChoiceField(choices=Contribution.Kind.choices)
    title = Text()
    release = Text(required=False, help_text="The name or slug of the release that it was made for.")
    holds_for = serializers.ListField(child=Text(), required=False, max_length=MOST_RELEASES, help_text=HOLDS_FOR)
    licence = Text(required=False, allow_blank=True, help_text=LICENCE)
    hold = serializers.BooleanField(required=False, help_text=HOLD)


class TagsInput(Input):
    tags = serializers.ListField(child=Text(), max_length=MOST_TAGS, help_text="All that it shall have.")


class JoinInput(Input):
    into = WholeNumber(min_value=1, max_value=BIGGEST_KEY, help_text="The number of the other contribution.")
    text = Text(required=False, allow_blank=True, help_text="Markdown: a comment there.")


class ComparisonInput(Input):
    older = serializers.IntegerField(min_value=1, max_value=999_999, help_text="The number of the older revision.")
    newer = serializers.IntegerField(min_value=1, max_value=999_999, help_text="The number of the newer one.")


class RevisionInput(SourceInput):
    note = Text(required=False, allow_blank=True, help_text="What changed since the revision before.")
    release = Text(required=False, help_text="The name or slug of the release that it was made for.")
    holds_for = serializers.ListField(child=Text(), required=False, max_length=MOST_RELEASES, help_text=HOLDS_FOR)


class SourceJson(Input):
    """The same without the file: a patch is text."""

    patch = Text(required=False, help_text="A patch or a mailbox of patches, as text.")
    git_url = Text(required=False, help_text="A git server, together with git_ref.")
    git_ref = Text(required=False, help_text="A branch, a tag or a commit there.")
    description = Text(required=False, allow_blank=True, help_text="Markdown; of an experience, the experience itself.")


class ContributionJson(SourceJson):
    fixes = Text(required=False, allow_blank=True, help_text=FIXES)
    tests = Text(required=False, allow_blank=True, help_text=TESTS)
    component = Text(help_text="Its slug.")
    kind = serializers.ChoiceField(choices=Contribution.Kind.choices)
    title = Text()
    release = Text(required=False, help_text="The name or slug of the release that it was made for.")
    holds_for = serializers.ListField(child=Text(), required=False, max_length=MOST_RELEASES, help_text=HOLDS_FOR)
    licence = Text(required=False, allow_blank=True, help_text=LICENCE)
    hold = serializers.BooleanField(required=False, help_text=HOLD)


class RevisionJson(SourceJson):
    note = Text(required=False, allow_blank=True, help_text="What changed since the revision before.")
    release = Text(required=False, help_text="The name or slug of the release that it was made for.")
    holds_for = serializers.ListField(child=Text(), required=False, max_length=MOST_RELEASES, help_text=HOLDS_FOR)


class UpstreamInput(Input):
    status = serializers.ChoiceField(choices=Contribution.UpstreamStatus.choices)
    link = Text(required=False, allow_blank=True, help_text="Of what was sent or comes from upstream: where.")
    reason = Text(required=False, allow_blank=True, help_text="Of what is inappropriate for upstream: why.")


PORTED_TO = "The name or slug of the release that it is a port to."
OFFERED = "Send what the portal offers for that release, in place of a patch."
SETTLED = "Send what came of your answers to the conflicts, in place of a patch."


class PortInput(Input):
    patch = FileOrText(
        required=False, allow_empty_file=True, help_text="A patch, a mailbox of patches or a git bundle."
    )
    git_url = Text(required=False, help_text="A git server, together with git_ref.")
    git_ref = Text(required=False, help_text="A branch, a tag or a commit there.")
    release = Text(help_text=PORTED_TO)
    note = Text(required=False, allow_blank=True, help_text="What had to be changed.")
    offered = serializers.BooleanField(required=False, help_text=OFFERED)
    settled = serializers.BooleanField(required=False, help_text=SETTLED)


class PortJson(Input):
    """The same without the file: a patch is text."""

    patch = Text(required=False, help_text="A patch or a mailbox of patches, as text.")
    git_url = Text(required=False, help_text="A git server, together with git_ref.")
    git_ref = Text(required=False, help_text="A branch, a tag or a commit there.")
    release = Text(help_text=PORTED_TO)
    note = Text(required=False, allow_blank=True, help_text="What had to be changed.")
    offered = serializers.BooleanField(required=False, help_text=OFFERED)
    settled = serializers.BooleanField(required=False, help_text=SETTLED)


class AnswerInput(Input):
    id = Text(help_text="Of a place, or of a file that is chosen as a whole.")
    choice = serializers.ChoiceField(choices=CHOICES, help_text="One of those that are offered there.")
    text = Text(required=False, allow_blank=True, help_text="With the choice “text”: the lines; CR LF becomes LF.")


class SettlementInput(Input):
    seen = Text(required=False, allow_blank=True, help_text="As it was told with what is asked.")
    answers = serializers.ListField(
        child=AnswerInput(), required=False, max_length=MOST_ANSWERS, help_text="Without any the worker looks again."
    )


class ForkJson(Input):
    component = Text(help_text="Its slug.")
    git_url = Text(required=False, help_text="The address of the fork.")
    git_ref = Text(required=False, allow_blank=True, help_text="A branch; the server's own unless it is given.")


class ForkInput(ForkJson):
    bundle = AttachedFile(required=False, allow_empty_file=True, help_text="A git bundle of it, instead.")


class ForkTitleInput(Input):
    title = Text()


class PublishInput(Input):
    positions = serializers.ListField(
        child=WholeNumber(min_value=1, max_value=BIGGEST_KEY), required=False, max_length=MOST_PATCHES,
        help_text="Of the patches; none named means all drafts.",
    )  # fmt: skip


class VoteInput(Input):
    value = WholeNumber(min_value=-1, max_value=1, help_text="1 up, -1 down, 0 takes it back.")


class CommentInput(Input):
    text = Text(help_text="Markdown.")
    parent = WholeNumber(  # type: ignore[assignment]  # the thread's word, not the field tree's
        required=False,
        allow_null=True,
        min_value=1,
        max_value=BIGGEST_KEY,
        help_text="The id of the comment it answers.",
    )
    is_question = serializers.BooleanField(required=False, help_text="One of its answers can then be accepted.")


class CommentEditInput(Input):
    text = Text(help_text="Markdown; what it said before stays to be read.")
    is_question = serializers.BooleanField(required=False, help_text="As it was unless it is given.")


class TextInput(Input):
    text = Text(help_text="Markdown.")


class WhyInput(Input):
    reason = Text(required=False, allow_blank=True, help_text="Needed of staff; shown to everybody.")


class ReportInput(Input):
    release = Text(help_text="The name or slug of the release that it was tried on.")
    outcome = serializers.ChoiceField(choices=FieldReport.Outcome.choices)
    stage = serializers.ChoiceField(choices=FieldReport.Stage.choices)
    traits = serializers.DictField(
        child=Text(allow_blank=True), required=False, help_text="Slugs of the component's traits and what it is."
    )
    is_named = serializers.BooleanField(
        required=False,
        help_text="False hides your organisation and yourself from all but it and staff; true unless said.",
    )
    environment = Text(required=False, allow_blank=True, help_text="What else matters about where it runs.")
    since = serializers.DateField(required=False, allow_null=True, help_text="Running since that day.")
    text = Text(required=False, allow_blank=True, help_text="Markdown.")


class ReviewInput(Input):
    verdict = serializers.ChoiceField(choices=Review.Verdict.choices)
    message = Text(required=False, allow_blank=True, help_text="Markdown; needed unless you approve.")
    revision = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=BIGGEST_KEY,
        help_text="The number you looked at; a newer one is then answered with 409.",
    )


class ClaimsInput(Input):
    fixes = serializers.ListField(
        child=Text(), max_length=MOST, help_text="All of them: the address or number of a bug, and a few words."
    )
    tests = serializers.ListField(child=Text(), max_length=MOST, help_text="All of them: how to see that it works.")


class TickInput(Input):
    holds = serializers.BooleanField(allow_null=True, help_text="True, false, or null to take it back.")
    text = Text(required=False, allow_blank=True, help_text="How it fails, in short.")


class ConfirmInput(Input):
    is_same = serializers.BooleanField(
        allow_null=True, help_text="True: the commit is the contribution; false: it is not; null takes that back."
    )
    commit = Text(required=False, max_length=64, help_text="The commit that you looked at; refused if it is another.")


class EnvironmentInput(Input):
    traits = serializers.DictField(child=Text(allow_blank=True), help_text="Slugs of traits and what it is there.")


class TraitInput(Input):
    name = Text(help_text="Such as Hypervisor.")
    choices = serializers.ListField(child=Text(), max_length=MOST_CHOICES, help_text="Such as kvm and xen.")


class VocabularyInput(Input):
    traits = serializers.ListField(child=TraitInput(), max_length=MOST_TRAITS, help_text="All of them, in their order.")


KEY: dict[str, Any] = {"min_value": 1, "max_value": BIGGEST_KEY}


class RemarkInput(Input):
    thread = WholeNumber(required=False, **KEY, help_text="The id of the remark that this answers.")
    revision = WholeNumber(required=False, **KEY, help_text="A number; the current one unless given.")
    path = Text(required=False, help_text="Of the file, as the revision names it.")
    side = serializers.ChoiceField(required=False, choices=LineComment.Side.choices, help_text="`new` unless given.")
    start = WholeNumber(required=False, min_value=0, max_value=BIGGEST_KEY, help_text="0 is the whole file.")
    end = WholeNumber(required=False, min_value=0, max_value=BIGGEST_KEY, help_text="The same as start unless given.")
    text = Text(required=False, allow_blank=True, help_text="Markdown; needed unless there is a suggestion.")
    suggestion = Text(required=False, allow_blank=True, help_text="What the lines should say; blank takes them out.")
    publish = serializers.BooleanField(required=False, help_text="At once, not as a draft.")


class RemarkEditInput(Input):
    text = Text(allow_blank=True, help_text="Markdown.")
    suggestion = Text(required=False, allow_blank=True, help_text="Of a draft that has one.")


class RoundInput(Input):
    words = Text(required=False, allow_blank=True, help_text="Markdown that covers them.")
    verdict = serializers.ChoiceField(required=False, choices=Review.Verdict.choices)
    revision = WholeNumber(required=False, **KEY, help_text="With a verdict: the number that you looked at.")


class TakeInput(Input):
    suggestions = serializers.ListField(child=WholeNumber(**KEY), max_length=MOST_AT_ONCE, help_text="Remarks' ids.")


class RulesInput(Input):
    approvals_needed = WholeNumber(required=False, min_value=1, max_value=9)
    executable_approvals_needed = WholeNumber(required=False, min_value=1, max_value=9)
    cool_down_days = WholeNumber(required=False, min_value=0, max_value=90)
    green_build_needed = serializers.BooleanField(required=False)
    sign_off_needed = serializers.BooleanField(required=False)
    accepted_licences = serializers.ListField(child=Text(), required=False, max_length=MOST_LICENCES)


class PatternsInput(Input):
    release_pattern = Text(required=False, max_length=LONGEST)
    candidate_pattern = Text(required=False, max_length=LONGEST, allow_blank=True)


class WatchingInput(PatternsInput):
    watch_minutes = WholeNumber(required=False, min_value=0, max_value=10_080)


class TrialInput(Input):
    revision = WholeNumber(
        required=False, min_value=1, max_value=BIGGEST_KEY, help_text="Its number; the current one unless it is named."
    )


class RevisionName(Input):
    contribution = WholeNumber(min_value=1, max_value=BIGGEST_KEY)
    revision = WholeNumber(min_value=1, max_value=BIGGEST_KEY)


class AdvisoryInput(Input):
    component = Text(help_text="Its slug.")
    title = Text(help_text="What an attacker could do, in one line.")
    description = Text(help_text="Markdown.")
    severity = serializers.ChoiceField(choices=Advisory.Severity.choices)
    alias = Text(required=False, allow_blank=True, help_text="Its name elsewhere, such as CVE-2026-12345.")
    affected = serializers.ListField(child=RevisionName(), max_length=MOST_REVISIONS)
    fixed = serializers.ListField(child=RevisionName(), required=False, max_length=MOST_REVISIONS)
    withdraw = serializers.BooleanField(
        required=False, help_text="Take what is published of the affected revisions out of the feed."
    )


class WebhookInput(Input):
    url = Text(help_text="An https:// address on the open network.")
    topics = serializers.ListField(child=serializers.ChoiceField(choices=Webhook.Topic.choices), max_length=10)


class ReasonInput(Input):
    reason = Text(help_text="Shown to everybody who uses it.")


class FlagInput(Input):
    contribution = WholeNumber(required=False, min_value=1, max_value=BIGGEST_KEY, help_text="Its number.")
    comment = WholeNumber(required=False, min_value=1, max_value=BIGGEST_KEY, help_text="Its id.")
    remark = WholeNumber(required=False, min_value=1, max_value=BIGGEST_KEY, help_text="The id of one on lines.")
    person = Text(required=False, help_text="A username.")
    reason = serializers.ChoiceField(choices=Flag.Reason.choices)
    text = Text(required=False, allow_blank=True, help_text="What is wrong, and where to look.")


class DecisionInput(Input):
    act = serializers.ChoiceField(choices=Flag.Act.choices, help_text="Not every act fits every thing.")
    reason = Text(help_text="Told to those who flagged it; public if something is done.")


class FollowInput(Input):
    muted = serializers.BooleanField(required=False, help_text="Be told nothing at all of this contribution.")


class SearchNameInput(Input):
    name = Text(max_length=NAME_LENGTH, help_text="Of your own, each once.")


class SearchInput(SearchNameInput):
    query = Text(max_length=QUERY_LENGTH, help_text="In the words of the search.")
    is_followed = serializers.BooleanField(required=False, help_text="Be told of new matches; true unless said.")


class ReadInput(Input):
    ids = serializers.ListField(
        child=WholeNumber(min_value=1, max_value=BIGGEST_KEY), required=False, max_length=MOST_READ
    )
    contribution = WholeNumber(required=False, min_value=1, max_value=BIGGEST_KEY)


class MailInput(Input):
    rules = serializers.DictField(
        child=serializers.ChoiceField(choices=Rhythm.choices),
        required=False,
        help_text="Of " + ", ".join(About.values) + ": how often.",
    )
    recall_mail = serializers.ChoiceField(choices=Person.RecallMail.choices, required=False)


class InvitationInput(Input):
    username = Text(required=False, help_text="An account; or else an email.")
    email = Text(required=False, help_text="A mail address, whether or not it has an account.")
    role = serializers.ChoiceField(required=False, choices=Membership.Role.choices)


class OrganisationInput(Input):
    sector = Text(required=False, allow_blank=True, help_text="What it does, such as telecoms.")
    about = Text(required=False, allow_blank=True)
    website = Text(required=False, allow_blank=True, help_text="An address that begins with https://.")


class TransferInput(Input):
    to = Text(help_text="The username of another member of the organisation that it was shared for.")


class RoleInput(Input):
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class MeInput(Input):
    name = Text(required=False, allow_blank=True, help_text="As you want to be called.")
    about = Text(required=False, allow_blank=True, help_text="A sentence or two, for everybody.")
    time_zone = Text(required=False, allow_blank=True, help_text="Such as Europe/Berlin.")
