"""A git that stays: it keeps the fence, its answers come to an end, and the next question finds another one."""

import os
import signal
import time
from pathlib import Path

import pytest

from contributions.checkout.bench import Bench
from contributions.checkout.merging import UNBUFFERED, Merger
from contributions.checkout.runner import MIB, Fence, GitFailed, git
from contributions.checkout.talking import Talk, Voice
from contributions.errors import Trouble
from tests.checkout.stories import TEXT, Story, changed


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "b.txt": TEXT})
    return story


def contents(story: Story, **given: object) -> Talk:
    return Talk(story.path, "cat-file", "--batch", **given)  # type: ignore[arg-type]


def whole(voice: Voice) -> tuple[bytes, bytes]:
    head = voice.until(b"\n")
    return head, voice.take(int(head.split()[-1]) + 1)


def test_one_process_answers_many_questions(story: Story) -> None:
    tip = story.tip("main")
    with contents(story) as talk:
        for _ in range(3):
            head, content = talk.ask(f"{tip}:a.txt\n".encode(), whole)
            assert head.endswith(b" blob %d" % len(TEXT))
            assert content == TEXT.encode() + b"\n"


@pytest.mark.attack("G35")
@pytest.mark.parametrize("words", [("cat-file", "--batch"), ("merge-tree", "--write-tree", "--stdin", "-z")])
def test_an_answer_that_does_not_come_ends_the_process_and_not_the_talk(story: Story, words: tuple[str, ...]) -> None:
    tip = story.tip("main").encode()
    question = b"%s %s\n" % (tip, tip) if words[0] == "merge-tree" else tip + b"\n"
    with Talk(story.path, *words, seconds=2, before=UNBUFFERED) as talk:
        assert talk.ask(question, lambda voice: voice.take(40)), "a whole question has an answer in time"
        talk.end()
        started = time.monotonic()
        with pytest.raises(GitFailed) as failed:
            talk.ask(question[:-1], lambda voice: voice.take(40))  # git waits for the end of the line
        assert failed.value.timed_out
        assert time.monotonic() - started < 10
        assert talk.pid is None
        assert talk.ask(question, lambda voice: voice.take(40))


@pytest.mark.attack("G35")
def test_an_answer_larger_than_the_fence_allows_is_not_heard_out(story: Story) -> None:
    large = story.write("blob", b"x" * (4 * MIB))
    with contents(story, fence=Fence(output_bytes=MIB)) as talk, pytest.raises(GitFailed) as failed:
        talk.ask(large.encode() + b"\n", whole)
    assert failed.value.said_too_much
    with contents(story, fence=Fence(output_bytes=8 * MIB)) as talk:
        assert talk.ask(large.encode() + b"\n", whole)


@pytest.mark.attack("G35")
def test_the_memory_of_a_process_that_stays_is_fenced(story: Story) -> None:
    large = story.write("tag", b"x" * (9 * MIB))  # git holds all of it, of a blob it would not
    with contents(story, fence=Fence(memory_bytes=12 * MIB)) as talk:
        assert b"missing" in talk.ask(b"0000\n", lambda voice: voice.until(b"\n"))
        with pytest.raises(GitFailed) as failed:
            talk.ask(large.encode() + b"\n", whole)
    assert not failed.value.timed_out
    assert "memory" in failed.value.stderr
    with contents(story, fence=Fence(memory_bytes=64 * MIB)) as talk:
        assert talk.ask(large.encode() + b"\n", whole)


@pytest.mark.attack("G35")
def test_a_process_that_was_killed_is_replaced_and_asked_again(story: Story) -> None:
    question = f"{story.tip('main')}\n".encode()
    with contents(story) as talk:
        first = talk.ask(question, whole)
        assert talk.pid
        os.killpg(talk.pid, signal.SIGKILL)
        again = talk.ask(question, whole)
    assert again == first
    assert talk.pid is None


def test_a_question_that_git_cannot_follow_is_its_failure_not_ours(story: Story) -> None:
    with Talk(story.path, "merge-tree", "--write-tree", "--stdin") as talk, pytest.raises(GitFailed) as failed:
        talk.ask(b"one two three\n", lambda voice: voice.until(b"\0"))
    assert failed.value.code == 128


@pytest.mark.parametrize("name", ["a\nb", "0123456789012345678901234567890123456789 blob 3\n", "ä ö", " "])
def test_any_path_can_be_asked_for(story: Story, name: str) -> None:
    content = b"text\n"
    blob = story.write("blob", content)
    tree = story.write("tree", b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob))
    with Bench(story.path) as bench:
        found = bench.objects.find(f"{tree}:{name}")
        assert found is not None
        assert bench.objects.read(found.id, "blob") == content
        assert bench.objects.find(f"{tree}:{name}\n not there") is None
        assert bench.objects.find(f"{tree}:{name}") == found
        with pytest.raises(Trouble):
            bench.objects.read(tree, "blob")


def test_merges_tell_trees_paths_and_sides(story: Story) -> None:
    base = story.tip("main")
    ours = story.commit({"a.txt": changed(TEXT, 10, "ten\n"), "b.txt": "ours\n"}, on="ours", start=base)
    theirs = story.commit({"a.txt": changed(TEXT, 30, "thirty\n"), "b.txt": "theirs\n"}, on="theirs", start=base)
    half = story.commit({"a.txt": changed(TEXT, 30, "thirty\n")}, on="half", start=base)
    with Bench(story.path) as bench, Merger(bench) as merger:
        clash, clean = merger.merge(base, theirs, ours), merger.merge(base, half, ours)
        assert (clash.is_clean, clash.conflicts) == (False, ("b.txt",))
        assert [stage.number for stage in clash.stages] == [1, 2, 3]
        assert bench.objects.read(clash.stages[1].blob) == b"ours\n"
        assert b"<<<<<<<" in bench.objects.read(f"{clash.tree}:b.txt")
        assert clean.is_clean
        both = changed(changed(TEXT, 10, "ten\n"), 30, "thirty\n")
        assert bench.objects.read(f"{clean.tree}:a.txt").decode() == both


def test_of_many_things_made_on_a_bench_only_what_a_commit_needs_is_adopted(story: Story) -> None:
    base = story.tip("main")
    ours = story.commit({"b.txt": "ours\n"}, on="ours", start=base)
    theirs = story.commit({"a.txt": changed(TEXT, 30, "thirty\n")}, on="theirs", start=base)
    other = story.commit({"b.txt": "theirs\n"}, on="other", start=base)
    who = b"A <a@b.example> 0 +0000"
    with Bench(story.path) as bench, Merger(bench) as merger:
        merger.merge(base, other, ours)
        tree = merger.merge(base, theirs, ours).tree
        told = b"author %s\ncommitter %s\n\n" % (who, who)
        first = bench.write("commit", b"tree %s\n%sOne\n" % (tree.encode(), told))
        second = bench.write("commit", b"tree %s\nparent %s\n%sTwo\n" % (tree.encode(), first.encode(), told))
        before = int(git(story.path, "count-objects").split()[0])
        bench.adopt_commit(second)
    assert int(git(story.path, "count-objects").split()[0]) == before + 3, "two commits and their tree"
    git(story.path, "fsck", "--strict")
    assert git(story.path, "log", "--format=%s", second).split() == [b"Two", b"One"]
