import pytest

from demo.progress import Progress, StepFailed, hold, wait_for


def test_each_step_is_numbered_and_timed() -> None:
    lines: list[str] = []
    progress = Progress(lines.append)
    with progress.step("Begin"):
        progress.note("something")
    with progress.step("End"):
        pass
    assert lines[:2] == [" 1. Begin", "    something"]
    assert lines[2].endswith(" s")
    assert lines[3] == " 2. End"


def test_a_failure_names_its_step() -> None:
    progress = Progress(lambda _: None)
    with pytest.raises(StepFailed, match=r"^Step 1 failed \(Pour tea\): the pot is empty$"), progress.step("Pour tea"):
        hold(not "tea", "the pot is empty")
    with pytest.raises(StepFailed, match=r"^Step 2 failed \(Drink\): division by zero$"), progress.step("Drink"):
        _ = 1 / 0


def test_waiting_ends_when_it_is_there_or_when_it_took_too_long() -> None:
    seen = iter([False, True])
    wait_for("tea", lambda: next(seen), seconds=5, pause=0.01)
    with pytest.raises(StepFailed, match="tea: not after 0 s"):
        wait_for("tea", lambda: False, seconds=0.02, pause=0.01)
