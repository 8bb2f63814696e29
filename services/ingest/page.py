"""The frame of the pages of forms and confirmations: no script, nothing from elsewhere."""

import secrets
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from fastapi.responses import HTMLResponse


def html(
    locale: str, title: str, body: str, *, origins: Iterable[str] | None = None, status: int = 200
) -> HTMLResponse:
    """`body` is HTML. With `origins` those may frame the page and be where its form leads; without,
    the page is private: nobody may frame it, and no page learns its address.
    """
    nonce = secrets.token_urlsafe(16)
    written = _template().substitute(
        title=escape(title), body=body, nonce=nonce, locale=escape(locale)
    )
    allowed = " ".join(("'self'", *(origins or ())))
    framing = "'none'" if origins is None else allowed
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {allowed}; "
        f"frame-ancestors {framing}; base-uri 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer" if origins is None else "strict-origin-when-cross-origin",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    if origins is None:
        headers["x-robots-tag"] = "noindex, nofollow"
    return HTMLResponse(written, status, headers)


@cache
def _template() -> Template:
    return Template((Path(__file__).parent / "pages" / "form.html").read_text())
