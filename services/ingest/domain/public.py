"""What a browser key may not say. It stands in a page, so anybody may be speaking."""

from shared.contracts.addresses import address
from shared.contracts.wire import BadCall, Call, context_traits, given_emails, traits_of

PREFIX = "browser/"  # of its messageIds, so that no page uses up one that the shop will send
_CONSENT = (
    "a browser key cannot state consent, anybody could; use a form with double opt-in, "
    "or send it from the server with a secret key"
)
_SUBMITTED = (
    "a browser key cannot say what a form's visitor agreed to, and have it confirmed by a mail of "
    "ours; post the form itself to /v1/forms/{form}"
)
_CHOSEN = (
    "was not used: a browser key cannot say how often somebody wants mail, anybody could; "
    "it is chosen on the preference page, or sent from the server with a secret key"
)
_OFTEN = "email_frequency"
_FORM = "form submitted"  # as identity reads it, whatever the case
_EMAIL = (
    "was not used: a browser key cannot give a user an address, anybody could; "
    "send it from the server with a secret key"
)


def is_submission(name: str) -> bool:
    """Whether an event of this name says what a form's visitor agreed to."""
    return name.strip().casefold() == _FORM


def check_public(call: Call) -> None:
    """Raises BadCall."""
    if call.type == "group":
        return
    if call.traits and "consent" in call.traits:
        raise BadCall("traits.consent", _CONSENT)
    if "consent" in (context_traits(call) or {}):
        raise BadCall("context.traits.consent", _CONSENT)
    if call.type == "track" and is_submission(call.event or ""):
        raise BadCall("event", _SUBMITTED)
    if call.properties and "consent_topics" in call.properties:
        raise BadCall("properties.consent_topics", _SUBMITTED)


def unused(call: Call) -> list[BadCall]:
    """What will be left out of a call that is taken: how often somebody wants mail, and the
    address of a user.
    """
    found = [BadCall(f"traits.{_OFTEN}", _CHOSEN)] if _OFTEN in traits_of(call) else []
    if call.user_id is not None and str(call.user_id).strip():
        found += [BadCall(field, _EMAIL) for field, email in given_emails(call) if address(email)]
    return found
