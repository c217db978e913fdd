"""How an event is told: to webhooks as plain values with whole addresses, to people in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from contributions.models import Event, FieldReport, Publication, Review, Revision

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from contributions.models import Advisory, Comment, Contribution, Release

Verb = Event.Verb
WORDS: dict[str, str] = {
    Verb.PUBLISHED: "published",
    Verb.UNPUBLISHED: "withdrawn",
    Verb.HELD: "held",
    Verb.FREED: "freed",
    Verb.ADVISED: "advised",
    Verb.UNADVISED: "unadvised",
    Verb.WITHDRAWN: "contribution-withdrawn",
    Verb.QUARANTINED: "contribution-quarantined",
    Verb.RESTORED: "contribution-restored",
    Verb.APPROVED: "contribution-approved",
    Verb.TAKEN: "contribution-taken",
    Verb.STRANDED: "contribution-stranded",
    Verb.FORECAST: "forecast",
    Verb.WITHHELD: "stack-withheld",
    Verb.HOOKED: "webhook-disabled",
}


def news_of(event: Event) -> dict[str, Any]:
    """The event as webhooks and letters tell it; every address is whole."""
    contribution, advisory = event.contribution, event.advisory
    hidden = contribution is not None and contribution.is_quarantined
    return {
        "id": event.pk,
        "event": WORDS[event.verb],
        "at": event.at.isoformat(),
        "site": settings.SITE_URL,
        "reason": event.text,
        "component": event.component.slug if event.component else None,
        "contribution": contribution.pk if contribution else None,
        "title": None if contribution is None or hidden else contribution.title,
        "release": event.release.name if event.release else None,
        "is_candidate": event.release is not None and event.release.is_candidate,
        "stack": {"number": event.stack.pk, "name": event.stack.name} if event.stack else None,
        "page": f"{settings.SITE_URL}{place_of(event)}"
        if event.verb in {Verb.FORECAST, Verb.WITHHELD}
        else address_of(advisory or event.publication or contribution),
        "publications": [_publication(row) for row in _publications(event, advisory, contribution)],
        "advisory": _advisory(advisory) if advisory else None,
    }


def address_of(thing: Any) -> str:
    return f"{settings.SITE_URL}{thing.get_absolute_url()}" if thing is not None else settings.SITE_URL


def _publications(event: Event, advisory: Advisory | None, contribution: Contribution | None) -> QuerySet[Publication]:
    rows = Publication.objects.select_related("release", "revision__contribution", "build").order_by("pk")
    rows = rows.prefetch_related("build__artifacts__blob", "revision__artifacts__blob")
    if advisory is not None:
        return rows.filter(revision__in=advisory.affected.all())
    if event.publication_id is not None:
        return rows.filter(pk=event.publication_id)
    return rows.filter(revision__contribution=contribution)


def _publication(row: Publication) -> dict[str, Any]:
    files = [
        {"name": file.name, "sha256": file.sha256, "size": file.size, "url": address_of(file)} for file in row.artifacts
    ]
    return {
        "id": row.pk,
        "state": row.state,
        "contribution": row.revision.contribution_id,
        "revision": row.revision.number,
        "release": row.release.name,
        "is_candidate": row.release.is_candidate,
        "build": row.build_id,
        "page": address_of(row),
        "artifacts": files,
    }


def _advisory(advisory: Advisory) -> dict[str, Any]:
    return {
        "number": advisory.pk,
        "id": advisory.identifier,
        "title": advisory.title,
        "severity": advisory.severity,
        "alias": advisory.alias,
        "page": address_of(advisory),
        "affected": [_revision(row) for row in advisory.affected.order_by("pk")],
        "fixed": [_revision(row) for row in advisory.fixed.order_by("pk")],
    }


def _revision(row: Revision) -> dict[str, int]:
    return {"contribution": row.contribution_id, "revision": row.number}


SAYINGS: dict[str, str] = {
    Verb.RECEIVED: "{author} sent {revision}",
    Verb.SHARED: "{author} made it public",
    Verb.ALIKE: "It is like something that is there, and waits for you to share it or not",
    Verb.REFUSED: "{revision} was refused",
    Verb.UNPORTED: "{who} took back {revision}, a port to {release}",
    Verb.PORTED: "{who} proposed {revision}, a port to {release}",
    Verb.COMMENTED: "{who} commented",
    Verb.REMARKED: "{who} left remarks on lines",
    Verb.ANSWERED: "{who} accepted an answer",
    Verb.TICKED: "{who} tried what it claims",
    Verb.REPORTED: "{who} reported: {text} on {release}",
    Verb.APPROVED: "It is approved",
    Verb.WITHDRAWN: "{who} withdrew it",
    Verb.PUBLISHED: "{revision} was published for {release}",
    Verb.UNPUBLISHED: "{who} took it out of the feed",
    Verb.QUARANTINED: "{who} put it in quarantine",
    Verb.RESTORED: "{who} took it out of quarantine",
    Verb.TAKEN: "{release} has this patch: archive it",
    Verb.STRANDED: "It needs a port to {release}",
    Verb.RELEASED: "{component} got the release {release}",
    Verb.MERGED: "{who} joined it in place of work of their own",
    Verb.FORECAST: "{carrier} on {component} {text}",
    Verb.WITHHELD: "{text} in {carrier} is in quarantine: do not build on it until staff have looked at it",
    Verb.ADVISED: "{who} published the advisory “{advisory}”",
    Verb.FLAGGED: "{who} flagged it: {text}",
    Verb.REMOVED: "{who} removed a comment of yours",
    Verb.INVITED: "{who} invited you to {organisation}",
    Verb.TRANSFERRED: "{who} changed your role: {text}",
    Verb.OFFERED: "{who} offers to hand it over to you",
}
BUILDS = {"passed": "{revision} builds on {release}", "timed-out": "The build of {revision} on {release} took too long"}
VERDICTS: dict[str, str] = {
    Review.Verdict.APPROVE: "{who} approved {revision}",
    Review.Verdict.REQUEST_CHANGES: "{who} asked for changes to {revision}",
    Review.Verdict.REJECT: "{who} rejected {revision}",
}
UNNAMED = "An organisation"
OF_THE_MATRIX = {Verb.TAKEN, Verb.STRANDED, Verb.PORTED, Verb.UNPORTED, Verb.FORECAST}


def sentence_of(event: Event) -> str:
    """What happened, in one sentence without its full stop; of a report whose organisation is not named, nobody."""
    saying = SAYINGS.get(event.verb, "{who} {verb}")
    if event.verb == Verb.BUILT:
        saying = BUILDS.get(event.text, "The build of {revision} on {release} failed")
    if event.verb == Verb.REVIEWED:
        saying = VERDICTS.get(event.text, saying)
    contribution = event.contribution
    if event.verb == Verb.TRANSFERRED and contribution is not None:
        saying = "{who} took it over"
    return saying.format(
        who=event.actor or (UNNAMED if event.verb == Verb.REPORTED else settings.SITE_NAME),
        verb=event.get_verb_display(),
        author=contribution.author if contribution else "",
        revision=event.revision.label if event.revision else "It",
        release=event.release.called if event.release else "a release",
        component=event.component.name if event.component else "",
        organisation=event.organisation or "an organisation",
        advisory=event.advisory,
        carrier=event.stack or event.organisation or "What you carry",
        text=event.text,
    )


def place_of(event: Event) -> str:
    """The path of the page where it is read."""
    if event.comment is not None and event.contribution is not None:
        event.comment.contribution = event.contribution  # known already, not asked for again
        return event.comment.get_absolute_url()
    if event.verb in {Verb.FLAGGED, Verb.INVITED}:
        return reverse("moderation" if event.verb == Verb.FLAGGED else "invitations")
    if event.verb == Verb.REPORTED:
        return reverse("contribution-evidence", args=[event.contribution_id])
    if event.verb == Verb.TAKEN and event.contribution is not None:
        return f"{event.contribution.get_absolute_url()}#upstream"  # where one press archives it
    if event.verb in OF_THE_MATRIX and event.release is not None:
        return _place_in_the_matrix(event, event.release)
    things = (
        event.stack,
        event.build,
        event.advisory,
        event.contribution,
        event.release,
        event.organisation,
        event.component,
    )
    return next((str(thing.get_absolute_url()) for thing in things if thing is not None), "/")


def _place_in_the_matrix(event: Event, release: Release) -> str:
    if event.verb in {Verb.PORTED, Verb.UNPORTED}:
        return reverse("contribution-matrix", args=[event.contribution_id])
    if event.verb != Verb.FORECAST:
        return reverse("contribution-fit", args=[event.contribution_id, release.name])
    of = "stack-forecast" if event.stack_id else "organisation-forecast"
    key = event.stack_id or (event.organisation.slug if event.organisation else "")
    return f"{reverse(of, args=[key])}?release={quote(release.slug)}"


def words_of(event: Event) -> str:
    """What was said, as it was typed; empty when it was removed since."""
    if event.comment is not None:
        return "" if event.comment.removed_at else _said_with(event.comment)
    about = {"contribution": event.contribution_id, "author": event.actor_id, "release": event.release_id}
    if event.verb == Verb.REPORTED and event.actor is not None:
        return FieldReport.objects.filter(**about).values_list("text", flat=True).first() or ""
    if event.verb == Verb.REVIEWED:
        said = Review.objects.filter(revision=event.revision_id, reviewer=event.actor_id)
        return said.values_list("message", flat=True).first() or ""
    reasons = {
        Verb.REFUSED,
        Verb.UNPORTED,
        Verb.WITHDRAWN,
        Verb.UNPUBLISHED,
        Verb.QUARANTINED,
        Verb.RESTORED,
        Verb.REMOVED,
    }
    return event.text if event.verb in reasons else ""


def _said_with(comment: Comment) -> str:
    """The words of a comment, and of the remarks on lines that were published with it."""
    remarks = comment.line_comments.filter(removed_at=None).exclude(published_at=None).order_by("pk")
    places = [f"{row.place}\n{row.text}" for row in remarks]
    return "\n\n".join([comment.text, *places])
