"""The page behind a mail's unsubscribe link: one file, no script, nothing from elsewhere."""

import secrets
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from fastapi.responses import HTMLResponse

ONE_CLICK = ("List-Unsubscribe", "One-Click")
_BUTTON = (
    f'<form method="post"><input type="hidden" name="{ONE_CLICK[0]}" value="{ONE_CLICK[1]}">'
    '<button type="submit">Unsubscribe</button></form>'
)


def ask(topic: str) -> HTMLResponse:
    """Nothing has happened yet; the button does it."""
    text = f"You will get no more e-mails about <b>{escape(_spoken(topic))}</b> from this shop."
    return _page("Unsubscribe?", text if topic else "You will get no more such e-mails.", _BUTTON)


def done(topic: str) -> HTMLResponse:
    """It has been kept."""
    about = f" about <b>{escape(_spoken(topic))}</b>" if topic else ""
    text = f"No more e-mails{about} will be sent to you. You can close this page."
    return _page("You are unsubscribed", text)


def unknown() -> HTMLResponse:
    """A link that is cut off or not ours."""
    text = "Perhaps it was cut off. Please open the link in the e-mail again."
    return _page("This link does not work", text, status=404)


def _spoken(topic: str) -> str:
    """cart-reminders -> cart reminders"""
    return topic.replace("-", " ").replace("_", " ")


def _page(title: str, text: str, action: str = "", status: int = 200) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    html = _template().substitute(title=title, text=text, action=action, nonce=nonce)
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'"
    headers = {
        "content-security-policy": f"{policy}; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-robots-tag": "noindex, nofollow",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(html, status, headers)


@cache
def _template() -> Template:
    return Template((Path(__file__).parent / "pages" / "unsubscribe.html").read_text())
