"""A shop's one word on marketing, as consent for the topics that the source is set to.

A shop knows one box to tick; Tuvi's topics are many. `consent_topics` of the source's settings says
which topics a yes is for. A no is for all marketing.

What the shop says again with each change of a customer has a `box`, the source: profile takes
it for a new word only when it differs from what that box said before. `since`: the shop's own time.
"""

from services.ingest.domain.shops.values import SOURCE, Fields, Value, as_text, at, filled
from shared.contracts.wire import Plain

TOPICS = ["marketing"]
EVERYTHING = "*"  # all marketing, as segmenter reads it
MOST = 20


def consented(said: Fields, path: str = "") -> Value:
    """`traits.consent` by a table of `state`, `source`, `text`, and of `box` and `since` where it
    is what the shop says each time; the table reads the object at `path`. None without a `state`.
    """

    def read(payload: Plain) -> Plain | None:
        place = at(payload, path) if path else payload
        if not isinstance(place, dict):
            return None
        found = filled(said, {**place, SOURCE: payload.get(SOURCE)})
        if "state" not in found:
            return None
        topics = [*_topics(payload), *([EVERYTHING] if found["state"] == "unsubscribed" else [])]
        return dict.fromkeys(topics, found)

    return read


def _topics(payload: Plain) -> list[str]:
    named = at(payload, f"{SOURCE}.consent_topics")
    found = [as_text(topic) for topic in named[:MOST]] if isinstance(named, list) else []
    return [topic for topic in found if topic] or TOPICS
