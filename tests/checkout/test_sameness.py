"""When two changes do the same to a file, on real repositories: an approval is kept for no other bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout import sameness
from contributions.checkout.fingerprints import patch_id
from contributions.checkout.sameness import file_fingerprints
from tests.checkout.stories import TEXT, Content, Story, changed

if TYPE_CHECKING:
    from pathlib import Path

FIX = changed(TEXT, 10, "line ten\n")
PYTHON = "def stop(server):\n    if server.is_idle:\n        server.drain()\n    server.log()\n    return True\n"
STEPS = ("open", "lock", "check", "free", "unlock", "tell")
BLOCK = "".join(f"    server.{step}()\n" for step in STEPS) + "    return 0\n\n"
BLOCKS = f"def one(server):\n{BLOCK}def two(server):\n{BLOCK}"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit(
        {
            "a.txt": TEXT,
            "b.txt": TEXT,
            "stop.py": PYTHON,
            "blocks.py": BLOCKS,
            "run.sh": "true\n",
            "logo.png": b"\x89PNG\0one",
        }
    )
    return story


def told(story: Story, files: dict[str, Content], *, base: str = "") -> dict[str, str]:
    start = base or story.tip("main")
    return file_fingerprints(story.path, start, story.commit(files, on=f"try{story.told}", start=start))


def test_each_file_has_a_fingerprint_of_its_own(story: Story) -> None:
    both = told(story, {"a.txt": FIX, "b.txt": changed(TEXT, 3, "three\n"), "c.bin": bytes(300)})
    assert set(both) == {"a.txt", "b.txt", "c.bin"}
    assert len(set(both.values())) == 3
    assert told(story, {"a.txt": FIX})["a.txt"] == both["a.txt"]
    assert told(story, {}) == {}


def test_lines_that_moved_with_the_base_are_the_same_change(story: Story) -> None:
    before = told(story, {"a.txt": FIX})
    story.commit({"a.txt": "first\n" + TEXT, "b.txt": "other\n"})
    assert told(story, {"a.txt": "first\n" + FIX}) == before


SMUGGLED: dict[str, tuple[dict[str, Content], dict[str, Content]]] = {
    "indentation": (
        {"stop.py": PYTHON.replace("    return True", "    server.stop()\n    return True")},
        {"stop.py": PYTHON.replace("    return True", "        server.stop()\n    return True")},
    ),
    "white space at the end": (
        {"a.txt": changed(TEXT, 10, "line ten\n")},
        {"a.txt": changed(TEXT, 10, "line ten \n")},
    ),
    "line ends": ({"a.txt": changed(TEXT, 10, "ten\n")}, {"a.txt": changed(TEXT, 10, "ten\r\n")}),
    "no end of the last line": ({"a.txt": changed(TEXT, 40, "end\n")}, {"a.txt": changed(TEXT, 40, "end")}),
    "a binary": ({"logo.png": b"\x89PNG\0two"}, {"logo.png": b"\x89PNG\0bad"}),
    "a new binary": ({"new.png": b"\x89PNG\0two"}, {"new.png": b"\x89PNG\0bad"}),
    "a mode": ({"run.sh": "false\n"}, {"run.sh": ("100755", b"false\n")}),
    "nothing but a mode": ({"run.sh": ("100755", b"true\n")}, {"run.sh": ("100755", b"true \n")}),
    "the mode of a new file": ({"new.sh": "true\n"}, {"new.sh": ("100755", b"true\n")}),
    "a link": ({"new": "run.sh"}, {"new": ("120000", b"run.sh")}),
    "a file that becomes a link": ({"a.txt": "b.txt"}, {"a.txt": ("120000", b"b.txt")}),
    "emptied or gone": ({"a.txt": ""}, {"a.txt": None}),
    "another place that looks the same": (
        {"blocks.py": BLOCKS.replace("    server.free()\n", "    server.halt()\n", 1)},
        {"blocks.py": "    server.halt()".join(BLOCKS.rsplit("    server.free()", 1))},
    ),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_nothing_is_smuggled_under_the_same_fingerprint(story: Story, name: str) -> None:
    read, sent = SMUGGLED[name]
    (path,) = read
    assert told(story, read) == told(story, dict(read))
    assert told(story, read)[path] != told(story, sent)[path]


@pytest.mark.parametrize("name", ["indentation", "white space at the end", "another place that looks the same"])
def test_gits_own_patch_id_would_let_it_pass(story: Story, name: str) -> None:
    """The control: what the stricter fingerprint is for."""
    base = story.tip("main")
    first, second = (story.commit(files, on=f"try{story.told}", start=base) for files in SMUGGLED[name])
    assert patch_id(story.path, base, first) == patch_id(story.path, base, second)


def test_when_too_much_would_have_to_be_searched_a_hunk_is_the_same_only_where_it_is(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = told(story, {"a.txt": FIX, "b.txt": FIX})
    monkeypatch.setattr(sameness, "MOST_SEARCHED", len(TEXT))
    less = told(story, {"a.txt": FIX, "b.txt": FIX})
    assert less["a.txt"] == before["a.txt"]
    assert less["b.txt"] != before["b.txt"]
    assert told(story, {"a.txt": FIX, "b.txt": FIX}) == less


def test_an_empty_file_and_a_moved_one_are_told(story: Story) -> None:
    moved = told(story, {"a.txt": None, "moved.txt": TEXT, "empty": ""})
    assert set(moved) == {"a.txt", "moved.txt", "empty"}
    assert moved["moved.txt"] != told(story, {"moved.txt": FIX})["moved.txt"]


def test_a_link_among_other_files_shifts_nothing(story: Story) -> None:
    """Git tells what becomes a link in two sections."""
    alone = told(story, {"b.txt": FIX})
    beside = told(story, {"a.txt": ("120000", b"b.txt"), "b.txt": FIX})
    assert beside["b.txt"] == alone["b.txt"]


def test_a_hunk_with_two_possible_places_is_the_same_only_on_the_same_file(story: Story) -> None:
    change: dict[str, Content] = {"blocks.py": BLOCKS.replace("    server.free()\n", "    server.halt()\n", 1)}
    base = story.tip("main")
    first = told(story, change)
    story.commit({"a.txt": "unrelated\n"})
    assert told(story, change) == first
    story.commit({"blocks.py": BLOCKS + "# the end\n"})
    longer = story.tip("main")
    grown: dict[str, Content] = {"blocks.py": str(change["blocks.py"]) + "# the end\n"}
    assert told(story, grown, base=longer) != first
    tip = story.commit(grown, on="anywhere", start=longer)
    old = story.commit(change, on="anywhere-old", start=base)
    assert file_fingerprints(story.path, longer, tip, anywhere=True) == file_fingerprints(
        story.path, base, old, anywhere=True
    )
