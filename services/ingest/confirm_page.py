"""The page behind the link of a confirmation mail (double opt-in)."""

from collections.abc import Sequence
from html import escape

from fastapi.responses import HTMLResponse

from services.ingest.domain.languages import Language
from services.ingest.page import html


def ask(language: Language, topics: Sequence[str]) -> HTMLResponse:
    """Nothing has happened yet; the button does it. `topics`: their titles."""
    words = language.confirm
    body = (
        f"<p>{words.text.format(topics=_listed(topics))}</p>"
        f'<form method="post"><button type="submit">{words.button}</button></form>'
        f'<p class="after">{words.not_you}</p>'
    )
    return html(language.code, words.title, body)


def done(language: Language, topics: Sequence[str]) -> HTMLResponse:
    """It has been kept."""
    words = language.confirm
    text = words.done.format(topics=_listed(topics))
    return html(language.code, words.done_title, f"<p>{text} {language.preferences.close}</p>")


def old(language: Language) -> HTMLResponse:
    """Asked for so long ago that it is no word of today."""
    words = language.confirm
    return html(language.code, words.old_title, f"<p>{words.old}</p>", status=410)


def unknown(language: Language) -> HTMLResponse:
    """A link that is cut off or not ours."""
    words = language.preferences
    return html(language.code, words.unknown_title, f"<p>{words.unknown}</p>", status=404)


def failed(language: Language) -> HTMLResponse:
    """Kafka did not take it in time: the button, pressed again, will do."""
    words = language.preferences
    body = f'<p>{words.failed}</p><form method="post"><button type="submit">'
    body += f"{language.confirm.button}</button></form>"
    answer = html(language.code, words.failed_title, body, status=503)
    answer.headers["retry-after"] = "2"
    return answer


def _listed(topics: Sequence[str]) -> str:
    return ", ".join(f"<b>{escape(topic)}</b>" for topic in topics)
