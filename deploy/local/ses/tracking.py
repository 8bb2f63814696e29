"""Links and the open pixel, rewritten the way SES does it."""

import re
from collections.abc import Callable
from html import escape, unescape

PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
_anchor = re.compile(
    r"""(<a\b[^>]*?\bhref\s*=\s*)(?:"([^"]*)"|'([^']*)')([^>]*>)""", re.IGNORECASE | re.DOTALL
)
_end = re.compile(r"</body\s*>", re.IGNORECASE)
_head = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


def links(html: str | None) -> list[str]:
    """The http(s) links of the anchors, in order; one with `ses:no-track` stays as it is."""
    return [link for match in _anchor.finditer(html or "") if (link := _tracked(match))]


def rewritten(html: str, message_id: str) -> str:
    """For the reader's eyes: links through /c/, a pixel at the end, everything in a new tab."""
    html = _anchor.sub(_through(message_id), html)
    pixel = f'<img src="/o/{message_id}.gif" width="1" height="1" alt="">'
    html = (
        _end.sub(lambda match: pixel + match.group(0), html, count=1)
        if _end.search(html)
        else (html + pixel)
    )
    base = '<base target="_blank">'
    if _head.search(html):
        return _head.sub(lambda match: match.group(0) + base, html, count=1)
    return base + html


def _tracked(match: re.Match[str]) -> str | None:
    whole = match.group(0)
    link = (match.group(2) or match.group(3) or "").strip()
    if "&" in link:
        link = unescape(link)
    if "ses:no-track" in whole.lower() or not link.lower().startswith(("http://", "https://")):
        return None
    return link


def _through(message_id: str) -> Callable[[re.Match[str]], str]:
    count = -1

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        if not _tracked(match):
            return match.group(0)
        count += 1
        return f'{match.group(1)}"/c/{escape(message_id)}/{count}"{match.group(4)}'

    return replace
