"""A form as a shop writes it, and posts of it."""

from typing import Any

from services.ingest.domain.forms import Form, parse_form
from shared.contracts import Definition

NEWSLETTER: dict[str, Any] = {
    "form": "newsletter",
    "title": "Letters",
    "intro": "Two a month.",
    "fields": [
        {"name": "email", "type": "email", "label": "E-mail"},
        {"name": "first_name", "label": "First name", "trait": "first_name"},
        {"name": "born", "type": "date", "label": "Birthday", "trait": "birthday"},
        {"name": "vip", "type": "checkbox", "label": "I buy for a company", "trait": "company"},
        {"name": "place", "type": "hidden", "value": "footer"},
    ],
    "consent": {"topics": ["newsletter", "offers"], "text": "Write to me.", "version": "v3"},
    "double_opt_in": True,
    "origins": ["https://shop.example"],
}
GOOD = {"email": "Ann@Example.com", "consent": "true"}


def newsletter(**other: Any) -> Form:
    """The form, but for those parts; None leaves one out."""
    given = {**NEWSLETTER, **other}
    return parse_form({name: value for name, value in given.items() if value is not None})


def published(form: Form, version: int = 1) -> Definition:
    """As it is announced."""
    return Definition(
        workspace="default",
        kind="form",
        id=form.id,
        version=version,
        revision=version,
        body=form.body,
    )
