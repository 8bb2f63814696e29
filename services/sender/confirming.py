"""What a mail asks its reader to confirm: the topics of the form that started its journey."""

from shared.contracts import Send
from shared.tokens import ConfirmClaim

MOST_TOPICS = 30  # as many as a form may name
LONGEST_WORD = 64  # of ids; so the link stays one that mail programs leave whole


def to_confirm(send: Send) -> ConfirmClaim | None:
    """From the properties of `Form Submitted`; None if nothing is there to confirm.

    Of the send's own time, so that every attempt at the mail has the same link.
    """
    event = send.data.get("event")
    if not isinstance(event, dict) or event.get("double_opt_in") is not True:
        return None
    listed = event.get("consent_topics")
    topics = listed if isinstance(listed, list) else []
    named = tuple(filter(None, map(_word, topics)))
    if not named:
        return None
    return ConfirmClaim(
        workspace=send.workspace,
        contact=send.contact,
        message=send.message,
        topics=named[:MOST_TOPICS],
        text=_word(event.get("consent_version")),
        form=_word(event.get("form")),
        issued=int(send.due_at.timestamp()),
        journey=send.journey,
        version=send.version,
        run=send.run,
        step=send.step,
        variant=send.variant,
        locale=_word((send.data.get("contact") or {}).get("locale")),
    )


def _word(given: object) -> str:
    return given if isinstance(given, str) and len(given) <= LONGEST_WORD else ""
