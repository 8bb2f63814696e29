"""What a browser key may not say. It stands in a page, so anybody may be speaking."""

from shared.contracts.addresses import address
from shared.contracts.wire import BadCall, Call, context_traits, given_emails

PREFIX = "browser/"  # of its messageIds, so that no page uses up one that the shop will send
_CONSENT = (
    "a browser key cannot state consent, anybody could; use a form with double opt-in, "
    "or send it from the server with a secret key"
)
_SUBMITTED = (
    "a browser key cannot say what a form's visitor agreed to, and have it confirmed by a mail of "
    "ours; post the form itself to /v1/forms/{form}"
)
_EMAIL = (
    "was not used: a browser key cannot give a user an address, anybody could; "
    "send it from the server with a secret key"
)


def check_public(call: Call) -> None:
    """Raises BadCall."""
    if call.type == "group":
        return
    if call.traits and "consent" in call.traits:
        raise BadCall("traits.consent", _CONSENT)
    if "consent" in (context_traits(call) or {}):
        raise BadCall("context.traits.consent", _CONSENT)
    if call.properties and "consent_topics" in call.properties:
        raise BadCall("properties.consent_topics", _SUBMITTED)


def unused(call: Call) -> list[BadCall]:
    """What will be left out of a call that is taken: the address of a user."""
    if call.user_id is None or not str(call.user_id).strip():
        return []
    return [BadCall(field, _EMAIL) for field, email in given_emails(call) if address(email)]
