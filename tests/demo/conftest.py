"""A tiny platform of two files and three releases, made like the demo's real one but without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.checkout.sdists import File, SourceRelease, write_repository
from contributions.models import Component, Person, Recipe, UpstreamFetch
from contributions.pipeline.fetching import fetch
from demo.accounts import Accounts
from demo.cutting import Workshop
from demo.ground import Ground
from demo.judging import Judging
from demo.plan import Commit, Installation, Platform, Remark, Report, Sending, Share, Verdict, Withdrawal
from demo.progress import Progress
from demo.sharing import Sharing
from portal.services.gitd import GitDaemon

if TYPE_CHECKING:
    from pathlib import Path

SONG = [f"verse {number}\n" for number in range(1, 31)]


def make_release(version: str, **changed: str) -> SourceRelease:
    """The song with some verses changed, and a licence that every release words differently."""
    song = "".join(changed.get(line.strip().replace(" ", ""), line) for line in SONG)
    files = {"song.txt": File("100644", song.encode()), "licence.txt": File("100644", version.encode())}
    return SourceRelease(version, "0" * 64, 1_700_000_000, files)


SHARE = Share(
    key="fifteen",
    kind="refinement",
    title="Count to fifteen in words",
    author="operator-a",
    release="2.0",
    sent_as="mail",
    description="Figures are hard to sing.",
    revisions=(Sending(1, commits=(Commit("3.0", ("song.txt",), "Count to fifteen in words\n"),)),),
    fits={"1.0": "conflicts", "2.0": "applies", "3.0": "upstream"},
    up=("operator-b", "integrator"),
    down=("research-cloud",),
    comments=(Remark("operator-b", "Which voice?", replies=(Remark("operator-a", "The tenor."),)),),
    reports=(Report("operator-b", "2.0", "works", "production", "a choir of 12", days=3),),
    reviews=(Verdict("maintainer", 1, "approve"),),
    withdrawals=(Withdrawal("2.0", "operator-a", "We sing something else now."),),
)


@pytest.fixture
def platform() -> Platform:
    return Platform(
        package="song",
        title="Song",
        summary="",
        licence="",
        homepage="",
        releases=("1.0", "2.0", "3.0"),
        tools=(),
        shares=(SHARE,),
        installation=Installation("fifteen", "2.0", ("true",), ""),
    )


@pytest.fixture
def ground(platform: Platform, tmp_path: Path) -> Ground:
    """With the releases in a repository; verse fifteen is another one in 1.0."""
    ground = Ground(platform, tmp_path, GitDaemon(tmp_path / "var", tmp_path / "git"))
    ground.repository.parent.mkdir()
    releases = [make_release("1.0", verse15="chorus\n"), make_release("2.0"), make_release("3.0", verse15="verse XV\n")]
    write_repository("song", releases, ground.repository)
    return ground


@pytest.fixture
def workshop(ground: Ground) -> Workshop:
    return Workshop(ground.repository)


@pytest.fixture
def component(ground: Ground, settings: Any, tmp_path: Path) -> Component:
    """Followed by the portal, built by copying the song into something that is named like a wheel."""
    settings.MIRRORS_DIR = tmp_path / "mirrors"
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    component = Component.objects.create(
        slug="song", name="Song", upstream_url=f"file://{ground.repository}", cool_down_days=0
    )
    fetch(UpstreamFetch.objects.create(component=component).pk)
    Recipe.objects.create(
        component=component,
        build="mkdir dist\ncp song.txt dist/song-$VERSION-py3-none-any.whl",
        environment={"VERSION": "{release}+patchbay.{build}"},
        artifact_patterns=["dist/*.whl"],
        wall_seconds=60,
        memory_mb=256,
    )
    return component


@pytest.fixture
def accounts(live_server: Any, tmp_path: Path) -> Accounts:
    accounts = Accounts(tmp_path / "accounts.json", live_server.url)
    accounts.make_people()
    return accounts


@pytest.fixture
def sharing(component: Component, ground: Ground, workshop: Workshop, accounts: Accounts) -> Sharing:
    assert component.releases.count() == 3
    component.maintainers.add(Person.objects.get(username="maintainer"))
    return Sharing(ground, workshop, accounts, Progress(lambda _: None))


@pytest.fixture
def judging(sharing: Sharing, accounts: Accounts) -> Judging:
    return Judging(sharing, accounts)
