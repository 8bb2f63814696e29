"""What a contact has chosen by now, asked of segmenter, which may be away; and among what."""

import aiohttp
import msgspec
import structlog

from services.ingest.domain.preferences import Topics, topics_of
from shared.contracts.profile import Preferences
from shared.definitions import Kind, Registry

log = structlog.get_logger()
PATIENCE = aiohttp.ClientTimeout(total=1.0)
_decoder = msgspec.json.Decoder(Preferences)


NAMING: tuple[Kind, ...] = ("journey", "form", "workspace")
"""Definitions that name topics: no mail is sent but by a journey."""


class WorkspaceTopics:
    """The marketing topics of a workspace, as announced so far."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __call__(self, workspace: str) -> Topics:
        return topics_of(d for kind in NAMING for d in self._registry.all(kind, workspace))


class PresentChoices:
    """`url`: of segmenter; empty, and nothing is known of anybody."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url.rstrip("/")

    async def of(self, token: str) -> Preferences | None:
        """Of the contact of a link's token; None within a second if nobody can say."""
        if not self._url:
            return None
        headers = {"authorization": f"Bearer {token}"}
        try:
            async with self._session.get(
                f"{self._url}/v1/preferences",
                headers=headers,
                timeout=PATIENCE,
                allow_redirects=False,
            ) as answer:
                if answer.status != 200:  # noqa: PLR2004
                    log.warning("no present choices", status=answer.status)
                    return None
                return _decoder.decode(await answer.read())
        except (TimeoutError, aiohttp.ClientError) as error:
            log.warning("no present choices", error=type(error).__name__)
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("present choices are unreadable", error=type(error).__name__)
        return None
