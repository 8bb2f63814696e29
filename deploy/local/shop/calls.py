"""The shop's calls in Segment's wire format, and which person each is about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from deploy.local.shop.people import Person

NEWSLETTER = "newsletter"
CART_REMINDERS = "cart-reminders"

Known = Literal["user", "device", "both"]


@dataclass(frozen=True, slots=True)
class Call:
    """`body` is what is posted; `at` its time (business). `person` is who did it, which for an
    anonymous visit Tuvi is not told. `path`: where it belongs if posted alone.
    """

    at: datetime
    person: Person
    body: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/v1/{self.body['type']}"

    @property
    def message_id(self) -> str:
        return str(self.body["messageId"])


def track(
    who: Person, at: datetime, name: str, properties: dict[str, Any], *, known: Known = "user"
) -> Call:
    """`known`: whether the browser knows its user at that moment."""
    ids = _ids(who, known)
    said = {"type": "track", "event": name, "properties": properties}
    return Call(at, who, _stamped(who, at, f"{name} {properties.get('order_id', '')}", ids | said))


def identify(
    who: Person, at: datetime, consent: dict[str, str] | None = None, *, known: Known = "user"
) -> Call:
    """`consent`: topic to state, at this moment; the rest are traits."""
    traits: dict[str, Any] = {
        "email": who.email,
        "first_name": who.first_name,
        "last_name": who.last_name,
        "country": who.country,
        "timezone": who.timezone,
        "locale": who.locale,
    }
    if consent:
        traits["consent"] = {
            topic: {"state": state, "source": "checkout", "text": "v3"}
            for topic, state in consent.items()
        }
    said = {"type": "identify", "traits": traits}
    return Call(at, who, _stamped(who, at, "identify", _ids(who, known) | said))


def subscribed(*topics: str) -> dict[str, str]:
    return dict.fromkeys(topics, "subscribed")


def _ids(who: Person, known: Known) -> dict[str, str]:
    user, device = {"userId": who.user_id}, {"anonymousId": who.device}
    return {"user": user, "device": device, "both": user | device}[known]


def _stamped(who: Person, at: datetime, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """The id is made of facts: the same shop posts the same ids."""
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"messageId": f"{who.user_id} {stamp} {what}".strip(), "timestamp": stamp} | body
