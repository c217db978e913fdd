"""A log keeps its beginning and its end."""

from __future__ import annotations

from hypothesis import given, strategies as st

from contributions.sandbox.logs import LogKeeper


@given(st.lists(st.binary(max_size=40)), st.integers(2, 100))
def test_the_first_and_the_last_half_are_kept(chunks: list[bytes], kept: int) -> None:
    heard: list[bytes] = []
    log = LogKeeper(heard.append, kept)
    for chunk in chunks:
        log.feed(chunk)
    log.close()
    whole, said, half = b"".join(chunks), b"".join(heard), kept // 2
    if len(whole) <= 2 * half:
        assert said == whole
    else:
        note = f"\n[... {len(whole) - 2 * half} bytes of output were cut here ...]\n".encode()
        assert said == whole[:half] + note + whole[-half:]
    assert log.seen == len(whole)


def test_the_first_half_comes_at_once() -> None:
    heard: list[bytes] = []
    log = LogKeeper(heard.append, 8)
    log.feed(b"ab")
    log.feed(b"cdef")
    assert heard == [b"ab", b"cd"]
    assert log.recent == "abcdef"
