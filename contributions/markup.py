"""Turns what people write into HTML that is safe to show: CommonMark in, a short list of harmless tags out."""

from __future__ import annotations

import re

import nh3
from markdown_it import MarkdownIt

from contributions.errors import TooLarge

MOST = 64 * 1024  # bytes; 1.5 s of processor time for the worst known text of this length
TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code"),
    *("em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
DEEPEST_HEADING = 6
PAGE_HEADINGS = 2  # a page's own headings are h1 and h2, so that people's begin at h3

# Characters that change how the text around them is read without being seen: directions, joiners, marks of order.
UNSEEN_IN_CODE = re.compile(
    "[\u00ad\u061c\u200b-\u200f\u2028-\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# In prose, joiners and single direction marks are part of honest Persian, Hebrew and emoji.
UNSEEN_IN_PROSE = re.compile("[\u200b\u2028-\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e001f]")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


def render(text: str, *, most: int = MOST) -> str:
    """Return the HTML of a CommonMark text with tables; raw HTML in it is shown as text, never obeyed.

    Raises TooLarge above `most` bytes of UTF-8.
    """
    if len(text.encode("utf-8", "replace")) > most:
        raise TooLarge(f"The text is longer than {most:,} bytes, the most that the portal takes.", field="text")
    tokens = _reader.parse(reveal(text.replace("\r\n", "\n").replace("\r", "\n")))
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + PAGE_HEADINGS, DEEPEST_HEADING)}"
    return clean(_reader.renderer.render(tokens, _reader.options, {}))


def clean(html: str) -> str:
    """Return the HTML without anything but the harmless tags, attributes and schemes."""
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_keep,
        url_schemes=SCHEMES,
        link_rel="nofollow ugc noopener noreferrer",
    )


def _keep(tag: str, attribute: str, value: str) -> str | None:
    """Drop links that look like a path of this site and lead to another: `//elsewhere`."""
    del tag
    leads_away = attribute == "href" and re.match(r"[\s\\/]*[\\/][\s\\/]*[\\/]", value)
    return None if leads_away else value


def reveal(text: str) -> str:
    """Return a title, name or sentence with control characters as pictures and unseen ones as ⟨U+202E⟩."""
    return UNSEEN_IN_PROSE.sub(_code_point, CONTROLS.sub(_picture, text))


def reveal_code(text: str) -> str:
    """The same for code, paths and logs, where nothing at all may hide."""
    return UNSEEN_IN_CODE.sub(_code_point, CONTROLS.sub(_picture, text))


def _code_point(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found.group()):04X}⟩"


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:  # noqa: PLR2004 - the C0 controls, whose pictures begin at U+2400
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else _code_point(found)  # noqa: PLR2004 - DELETE has a picture of its own
