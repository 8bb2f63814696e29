"""Whether a contact may be mailed by a journey. The sender asks again before it sends."""

from services.orchestrator.domain.model import Journey
from shared.contracts import Profile


def why_not_mailed(journey: Journey, profile: Profile | None) -> str:
    """The reason, or nothing. Without consent for the topic only transactional mail goes out."""
    if profile is None:
        return "profile_deleted"
    if not profile.email:
        return "missing_email"
    if journey.transactional:
        return ""
    consent = profile.consent.get(journey.topic)
    if consent is None or consent.state in ("never_subscribed", "pending"):
        return "no_consent"
    return "" if consent.state == "subscribed" else "unsubscribed"
