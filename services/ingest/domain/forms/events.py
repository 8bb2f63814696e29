"""What a submission becomes: who it is and what was agreed to, and that a form was submitted."""

import hashlib
from typing import Any

from shared.contracts.codec import encode

from .file import Form
from .post import CAMPAIGN, Submission

SUBMITTED = "Form Submitted"


def events_of(form: Form, version: int, posted: Submission, submission_id: str) -> list[bytes]:
    """Two calls of Segment's, who is named by the address alone.

    `submission_id`: the same for the same click. Their messageIds also depend on what was posted,
    so that a page that was gone back to can be posted again with other words.
    """
    told = hashlib.sha256(encode([form.id, submission_id, posted])).hexdigest()[:32]
    identify = {
        "type": "identify",
        "messageId": f"form-{told}-identify",
        "traits": _traits(form, posted),
        "context": _context(form, posted),
    }
    track = {
        "type": "track",
        "event": SUBMITTED,
        "messageId": f"form-{told}-track",
        "properties": _properties(form, version, posted),
        "context": {**_context(form, posted), "traits": {"email": posted.email}},
    }
    return [encode(identify), encode(track)]


def _traits(form: Form, posted: Submission) -> dict[str, Any]:
    """What was left empty leaves what was known."""
    traits: dict[str, Any] = {
        field.trait: posted.values[field.name]
        for field in form.fields
        if field.trait and posted.values[field.name] != ""
    }
    traits["email"] = posted.email
    traits["acquisition"] = _acquisition(form, posted)
    if form.consent is not None and posted.agreed:
        state = "pending" if form.double_opt_in else "subscribed"
        said = {"state": state, "source": f"form:{form.id}", "text": form.consent.version}
        traits["consent"] = dict.fromkeys(form.consent.topics, said)
    return traits


def _acquisition(form: Form, posted: Submission) -> dict[str, str]:
    """Where this subscriber came from."""
    campaign = dict(posted.campaign)
    found = {"form": form.id, "campaign": campaign.pop("name", ""), **campaign}
    found |= {"page": posted.page, "referrer": posted.referrer}
    return {name: value for name, value in found.items() if value}


def _context(form: Form, posted: Submission) -> dict[str, Any]:
    page = {"url": posted.page, "referrer": posted.referrer}
    page = {name: value for name, value in page.items() if value}
    context: dict[str, Any] = {"locale": form.locale}
    context |= {"campaign": posted.campaign} if posted.campaign else {}
    return context | ({"page": page} if page else {})


def _properties(form: Form, version: int, posted: Submission) -> dict[str, Any]:
    """`consent_text` is what the visitor read: it proves more than the name of a version."""
    properties: dict[str, Any] = {
        "form": form.id,
        "form_version": version,
        "double_opt_in": form.double_opt_in and posted.agreed,
        **{utm: posted.campaign[name] for utm, name in CAMPAIGN.items() if name in posted.campaign},
    }
    fields = {
        field.name: posted.values[field.name]
        for field in form.fields
        if field.type != "email" and posted.values[field.name] != ""
    }
    properties |= {"fields": fields} if fields else {}
    properties |= {"page": posted.page} if posted.page else {}
    if form.consent is not None and posted.agreed:
        properties["consent_topics"] = list(form.consent.topics)
        properties["consent_version"] = form.consent.version
        properties["consent_text"] = form.consent.text
    return properties
