"""The addresses of the API, below /api/v1/."""

from __future__ import annotations

from django.urls import path, re_path

from . import (
    artifacts,
    builds,
    components,
    contributions,
    entrance,
    feed,
    index,
    keys,
    moderation,
    people,
    publications,
    revisions,
    rules,
    status,
    voices,
)

ONE = "contributions/<int:number>/"
RELEASE = "components/<str:slug>/releases/<str:name>/"
REVISION = f"{ONE}revisions/<int:revision>/"

urlpatterns = [
    path("", entrance.Entrance.as_view(), name="api-root"),
    path("schema/", entrance.Schema.as_view(), name="api-schema"),
    path("status/", status.Status.as_view(), name="api-status"),
    path("me/", people.Me.as_view(), name="api-me"),
    path("components/", components.Components.as_view(), name="api-components"),
    path("components/<str:slug>/", components.OneComponent.as_view(), name="api-component"),
    path("components/<str:slug>/releases/", components.Releases.as_view(), name="api-releases"),
    path("components/<str:slug>/rules/", rules.ComponentRules.as_view(), name="api-rules"),
    path("components/<str:slug>/fetch/", rules.ComponentFetch.as_view(), name="api-component-fetch"),
    path(f"{RELEASE}support/", rules.ReleaseSupport.as_view(), name="api-release-support"),
    path(f"{RELEASE}retire/", rules.ReleaseRetirement.as_view(), name="api-release-retire"),
    path("organisations/", people.Organisations.as_view(), name="api-organisations"),
    path("organisations/<str:slug>/", people.OneOrganisation.as_view(), name="api-organisation"),
    path("contributions/", contributions.Contributions.as_view(), name="api-contributions"),
    path(ONE, contributions.OneContribution.as_view(), name="api-contribution"),
    path(f"{ONE}withdraw/", contributions.Withdrawal.as_view(), name="api-contribution-withdraw"),
    path(f"{ONE}revisions/", revisions.Revisions.as_view(), name="api-revisions"),
    path(REVISION, revisions.OneRevision.as_view(), name="api-revision"),
    path(f"{REVISION}patch", revisions.RevisionPatch.as_view(), name="api-revision-patch"),
    path(f"{REVISION}diff", revisions.RevisionDiff.as_view(), name="api-revision-diff"),
    path(f"{ONE}fits/", revisions.Fits.as_view(), name="api-fits"),
    path(f"{ONE}vote/", voices.OwnVote.as_view(), name="api-vote"),
    path(f"{ONE}comments/", voices.Comments.as_view(), name="api-comments"),
    path(f"{ONE}reports/", voices.Reports.as_view(), name="api-reports"),
    path(f"{ONE}checklist/", rules.ContributionChecklist.as_view(), name="api-checklist"),
    path(f"{ONE}reviews/", voices.Reviews.as_view(), name="api-reviews"),
    path("builds/", builds.Builds.as_view(), name="api-builds"),
    path("builds/<int:number>/", builds.OneBuild.as_view(), name="api-build"),
    path("builds/<int:number>/log", builds.BuildLog.as_view(), name="api-build-log"),
    path("builds/<int:number>/again/", builds.BuildAgain.as_view(), name="api-build-again"),
    path("artifacts/<int:number>/", artifacts.OneArtifact.as_view(), name="api-artifact"),
    path("publications/", publications.Publications.as_view(), name="api-publications"),
    path("publications/<int:number>/", publications.OnePublication.as_view(), name="api-publication"),
    path(
        "publications/<int:number>/withdraw/",
        publications.PublicationWithdrawal.as_view(),
        name="api-publication-withdraw",
    ),
    path("flags/", moderation.Flags.as_view(), name="api-flags"),
    path("flags/<int:number>/", moderation.OneFlag.as_view(), name="api-flag"),
    path("flags/<int:number>/decide/", moderation.Decision.as_view(), name="api-flag-decide"),
    path("moderation/log/", moderation.Log.as_view(), name="api-moderation-log"),
    path("people/<str:username>/suspend/", moderation.Suspension.as_view(), name="api-person-suspend"),
    path("people/<str:username>/reinstate/", moderation.Reinstatement.as_view(), name="api-person-reinstate"),
    path("keys/", keys.Keys.as_view(), name="api-keys"),
    path("index/", index.Index.as_view(), name="api-index"),
    path("feed/", feed.Feed.as_view(), name="api-feed"),
    re_path(r"^.*$", entrance.Nowhere.as_view(), name="api-nowhere"),
]
