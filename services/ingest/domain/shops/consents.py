"""A shop's one word on marketing, as consent for the topics that the source is set to.

A shop knows one box to tick; Tuvi's topics are many. `consent_topics` of the source's settings says
which topics a yes is for. A no is for all marketing.
"""

from services.ingest.domain.shops.values import SOURCE, Fields, Value, as_text, at, filled
from shared.contracts.wire import Plain

TOPICS = ["marketing"]
EVERYTHING = "*"  # all marketing, as segmenter reads it
MOST = 20


def consented(said: Fields, path: str = "") -> Value:
    """`traits.consent` by a table of `state`, `source` and `text`, which reads the object at
    `path`. None if there is no `state`.
    """

    def read(payload: Plain) -> Plain | None:
        place = at(payload, path) if path else payload
        found = filled(said, place) if isinstance(place, dict) else {}
        if "state" not in found:
            return None
        topics = [*_topics(payload), *([EVERYTHING] if found["state"] == "unsubscribed" else [])]
        return dict.fromkeys(topics, found)

    return read


def _topics(payload: Plain) -> list[str]:
    named = at(payload, f"{SOURCE}.consent_topics")
    found = [as_text(topic) for topic in named[:MOST]] if isinstance(named, list) else []
    return [topic for topic in found if topic] or TOPICS
