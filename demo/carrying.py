"""What an operator carries: a fork that is taken apart, a stack that is built as one, and what an upgrade will cost."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from demo.progress import hold, wait_for
from demo.sharing import API, QUIET_SECONDS, UNDECIDED

if TYPE_CHECKING:
    from pathlib import Path

    from demo.accounts import Accounts
    from demo.cutting import Workshop
    from demo.ground import Ground
    from demo.plan import Fork, Selection
    from demo.sharing import Sharing

MERGED_UPSTREAM = 10  # what the client ends with when upstream has some of a stack
CLIENT_SECONDS = 60


class Carrying:
    """Each part is made once and found again."""

    def __init__(self, ground: Ground, workshop: Workshop, sharing: Sharing, accounts: Accounts) -> None:
        self._ground = ground
        self._workshop = workshop
        self._sharing = sharing
        self._accounts = accounts

    # a fork

    def unmask(self, fork: Fork) -> str:
        """Which of its patches upstream has, which the portal has, and which were drafted."""
        keeper = self._accounts.client(fork.keeper)
        found = next(keeper.rows(f"{API}/forks/"), None)
        if found is None:
            path = self._workshop.fork(fork)
            told = {"git_url": self._ground.server.url(path), "git_ref": fork.branch}
            found = keeper.post(f"{API}/forks/", {"component": self._ground.platform.package, **told})
        there = f"{API}/forks/{found['number']}/"
        wait_for("The fork is taken apart", lambda: keeper.get(there)["state"] not in UNDECIDED, seconds=QUIET_SECONDS)
        seen = keeper.get(there)
        hold(seen["state"] == "done", f"The fork is {seen['state']}: {seen['sentence']}")
        hold(seen["release"] == fork.release, f"The nearest release is said to be {seen['release']}")
        states = {patch["title"]: patch["state"] for patch in keeper.rows(f"{there}patches/")}
        wanted = {piece.title: piece.becomes for piece in fork.pieces}
        hold(states == wanted, f"Of the fork's patches it is said {states}, not {wanted}")
        return ", ".join(f"{title}: {state}" for title, state in states.items())

    # a stack

    def stack(self, selection: Selection) -> dict[str, Any]:
        """The newest assembly of the stack, built."""
        author = self._accounts.client(selection.author)
        number = self.number_of(selection)
        assemblies = f"{API}/stacks/{number}/assemblies/"
        rows = list(author.rows(assemblies))
        serial = rows[0]["number"] if rows else author.post(assemblies, {"build": True})["number"]
        there = f"{assemblies}{serial}/"

        def is_built() -> bool:
            seen = author.get(there)
            return seen["state"] not in UNDECIDED and (seen["state"] != "ready" or bool(seen["verdict"]))

        wait_for(f"{selection.name} is laid and built", is_built, seconds=QUIET_SECONDS)
        seen: dict[str, Any] = author.get(there)
        hold(seen["state"] == "ready", f"{selection.name} is {seen['state']}: {seen['sentence']}")
        hold(seen["verdict"] == "passed", f"{selection.name} was built and {seen['verdict']}: {seen['finding']}")
        return seen

    def number_of(self, selection: Selection) -> int:
        author = self._accounts.client(selection.author)
        named = (row for row in author.rows(f"{API}/stacks/", show="carried") if row["name"] == selection.name)
        found = next(named, None)
        if found is None:
            told = {"name": selection.name, "release": selection.release, "public": True}
            found = author.post(
                f"{API}/stacks/",
                {
                    "component": self._ground.platform.package,
                    "contributions": list(self.picked(selection)),
                    **told,
                },
            )
        return int(found["id"])

    def picked(self, selection: Selection) -> dict[int, str]:
        """The numbers of what is picked, in its order, and the key of each."""
        shares = [self._ground.platform.share(key) for key in selection.contributions]
        return {self._sharing.number_of(share) or 0: share.key for share in shares}

    def forecast(self, selection: Selection) -> dict[str, str]:
        """What becomes of each on the next release; it must be what the plan says."""
        author = self._accounts.client(selection.author)
        there = f"{API}/stacks/{self.number_of(selection)}/forecast/"
        names = self.picked(selection)
        told: dict[str, Any] = {}

        def is_judged() -> bool:
            told.update(author.get(there, release=selection.upgrade))
            return bool(told["is_judged"])

        wait_for(f"{selection.name} is judged on {selection.upgrade}", is_judged, seconds=QUIET_SECONDS)
        found = {names[row["contribution"]]: row["do"] for row in told["rows"]}
        hold(found == selection.outlook, f"On {selection.upgrade} it is said {found}, not {selection.outlook}")
        return found

    def check(self, selection: Selection, room: Path) -> str:
        """The lock file, and what the portal's own client says of it to a CI job."""
        author = self._accounts.client(selection.author)
        locks = next(author.rows(f"{API}/stacks/{self.number_of(selection)}/locks/"))
        lock, client = room / "patchbay.lock.json", room / "patchbay.py"
        there = f"{API}/stacks/{self.number_of(selection)}/locks/{locks['number']}/patchbay.lock.json"
        lock.write_bytes(author.fetch(there).body)
        client.write_bytes(self._accounts.nobody.fetch("/patchbay.py").body)
        told = ("--site", author.site, "stack", "check", str(lock), "--release", selection.upgrade, "--json")
        ended = subprocess.run(
            [sys.executable, str(client), *told], check=False, capture_output=True, timeout=CLIENT_SECONDS
        )
        said = ended.stderr.decode("utf-8", "replace")
        hold(ended.returncode == MERGED_UPSTREAM, f"patchbay.py ended with {ended.returncode}. {said}")
        json.loads(ended.stdout)
        return f"patchbay.py stack check ends with {ended.returncode}: upstream has some of it in {selection.upgrade}"
