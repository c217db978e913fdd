"""The last words of the demo: where to look, who to be, what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.story import Chapter, Story


def last_words(story: Story) -> str:
    return "\n".join([*_places(story), *_people(story), *_things_to_try(story)])


def addresses(story: Story) -> Iterator[str]:
    """All pages that the last words name and everybody may see."""
    site = story.accounts.nobody.site
    for path in ("", "contributions/", "stacks/", "published/", "tuf/", "builds/", "api/v1/feed/"):
        yield f"{site}/{path}"
    for chapter in story.chapters:
        yield f"{site}/components/{chapter.platform.package}/"
        yield f"{site}/components/{chapter.platform.package}/matrix/"
        yield chapter.customer.index_url(chapter.platform.installation.release)
        for share in chapter.platform.shares:
            yield f"{site}/contributions/{chapter.sharing.number_of(share)}/"
            yield f"{site}/contributions/{chapter.sharing.number_of(share)}/matrix/"


def _places(story: Story) -> Iterator[str]:
    site = story.accounts.nobody.site
    yield ""
    yield f"Every step held. Patchbay runs at {site}/"
    yield ""
    yield f"  {site}/contributions/   everything that was shared"
    yield f"  {site}/published/       the approved builds"
    yield f"  {site}/tuf/             the same as a signed index, for a client that trusts nobody on the way"
    yield f"  {site}/review/          what waits for a maintainer (log in as one)"
    for chapter in story.chapters:
        yield from _pages(chapter, site)


def _pages(chapter: Chapter, site: str) -> Iterator[str]:
    """A component's page and those of its contributions."""
    yield f"  {site}/components/{chapter.platform.package}/"
    yield f"  {site}/components/{chapter.platform.package}/matrix/   what fits where, and what upstream took"
    for selection in chapter.platform.stacks:
        yield f"  {site}/stacks/{chapter.carrying.number_of(selection)}/   {selection.name}, laid and built as one"
    for fork in chapter.platform.forks:
        yield f"  {site}/forks/   the fork of {fork.keeper}, which only they see"
    for share in chapter.platform.shares:
        number = chapter.sharing.number_of(share)
        yield f"  {site}/contributions/{number}/   {share.title}"
    yield from _drafts(chapter, site)


def _drafts(chapter: Chapter, site: str) -> Iterator[str]:
    for draft in chapter.platform.drafts:
        yield f"  {site}/contributions/{chapter.sharing.number_of(draft)}/   a draft of {draft.author}"


def _people(story: Story) -> Iterator[str]:
    yield ""
    yield f"Accounts; the password of each is {story.accounts.password}"
    yield ""
    for company in plan.companies():
        for person in company.people:
            yield f"  {person.username:<20} {person.name}, {company.name}"
    for person in plan.staff():
        yield f"  {person.username:<20} {person.name}, with /admin/"


def _things_to_try(story: Story) -> Iterator[str]:
    site = story.accounts.nobody.site
    chapter = story.chapters[0]
    wanted = chapter.platform.installation
    number = chapter.sharing.number_of(chapter.platform.share(wanted.contribution))
    yield ""
    yield "Try"
    yield ""
    yield f"  curl '{site}/api/v1/feed/?page_size=1'"
    best = f"component={chapter.platform.package}&release={wanted.release}&order=best"
    yield f"  curl '{site}/api/v1/contributions/?{best}'"
    yield f"  pip install --no-deps --index-url {chapter.customer.index_url(wanted.release)} {chapter.platform.package}"
    yield f"  git clone -b {wanted.release} {chapter.ground.url} && cd {chapter.platform.package}"
    yield f"  curl -s {site}/contributions/{number}/v1.patch | git am"
    yield ""
