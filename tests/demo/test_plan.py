import pytest

from demo import plan

FITS = {"applies", "merges", "upstream", "probably-upstream", "no-base", "conflicts"}


@pytest.fixture(params=sorted(place.name for place in plan.PLATFORMS.iterdir()))
def platform(request: pytest.FixtureRequest) -> plan.Platform:
    return plan.platform(request.param)


def everybody() -> set[str]:
    people = [person for company in plan.companies() for person in company.people]
    return {person.username for person in (*people, *plan.staff())}


def speakers(remarks: tuple[plan.Remark, ...]) -> set[str]:
    return {remark.by for remark in remarks} | {name for remark in remarks for name in speakers(remark.replies)}


def test_a_plan_names_only_people_that_there_are(platform: plan.Platform) -> None:
    for share in platform.shares:
        named = {share.author, *share.up, *share.down} | speakers(share.comments)
        named |= {voice.by for voices in (share.reports, share.reviews, share.withdrawals) for voice in voices}
        assert named <= everybody(), share.key


def test_a_plan_names_only_releases_that_are_imported(platform: plan.Platform) -> None:
    for share in platform.shares:
        newer = {commit.newer for sending in share.revisions for commit in sending.commits}
        reported = {report.release for report in share.reports}
        assert {share.release} | newer | reported <= set(platform.releases), share.key


def test_a_plan_foresees_every_release_for_every_patch(platform: plan.Platform) -> None:
    for share in platform.shares:
        patched = share.kind in {"refinement", "improvement"}
        assert set(share.fits) == (set(platform.releases) if patched else set()), share.key
        assert set(share.fits.values()) <= FITS, share.key
        assert all(sending.commits for sending in share.revisions) == patched, share.key


def test_a_plan_has_every_way_in_and_every_verdict() -> None:
    shares = plan.platform("python-swiftclient").shares
    assert {share.sent_as for share in shares} == {"mail", "diff", "git", "artifact", "note"}
    assert {fit for share in shares for fit in share.fits.values()} >= {"applies", "merges", "upstream", "conflicts"}
    assert any(len(sending.commits) > 1 for share in shares for sending in share.revisions)
    assert any(len(share.revisions) > 1 for share in shares)
    assert any(share.last.builds == "failed" for share in shares)
    assert any(share.withdrawals for share in shares)
    assert len({share.title for share in shares}) == len(shares)


def test_nobody_judges_their_own_contribution(platform: plan.Platform) -> None:
    for share in platform.shares:
        assert share.author not in {*share.up, *share.down, *(review.by for review in share.reviews)}, share.key


def test_a_withdrawn_build_was_published_before(platform: plan.Platform) -> None:
    for share in platform.shares:
        assert {withdrawal.release for withdrawal in share.withdrawals} <= share.published_for, share.key
    wanted = platform.installation
    assert wanted.release in platform.share(wanted.contribution).published_for


def test_what_is_approved_meets_the_rules_that_a_component_has_at_first(platform: plan.Platform) -> None:
    """All but the cool-down, which the demo's component does without."""
    company_of = {person.username: company.name for company in plan.companies() for person in company.people}
    for share in platform.shares:
        if not share.is_approved:
            continue
        approvals = {review.by for review in share.reviews if review.revision == share.last.number}
        assert len(approvals) >= (2 if share.kind == "executable" else 1), share.key
        assert approvals <= set(plan.maintainers()), share.key
        assert company_of[share.author] not in {company_of[by] for by in approvals}, share.key
        if share.kind in {"refinement", "improvement"}:
            assert (share.release in share.built_on, share.last.builds) == (True, "passed"), share.key


def test_a_plan_carries_only_what_is_there(platform: plan.Platform) -> None:
    for selection in platform.stacks:
        picked = [platform.share(key) for key in selection.contributions]
        assert all(share.fits[selection.release] in {"applies", "merges"} for share in picked), selection.name
        assert set(selection.outlook) == set(selection.contributions)
        assert {selection.release, selection.upgrade} <= set(platform.releases)
        assert selection.author in everybody()
    for fork in platform.forks:
        assert {piece.becomes for piece in fork.pieces} == {"upstream", "known", "drafted"}
        assert {fork.release, *(piece.commit.newer for piece in fork.pieces)} <= set(platform.releases)
        assert fork.keeper in everybody()
