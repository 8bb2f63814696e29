"""What Segment's library for browsers (analytics-next) fetches before its first event.

By @segment/analytics-next 1.84.3 (2026-11): `GET <cdnURL>/v1/projects/<writeKey>/settings`; then it
posts to `<protocol>://<apiHost>/<first letter of the call>`, in batches to `/b`.
"""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Path, Response
from fastapi.responses import JSONResponse

from services.ingest.cors import check_origin, heard_by
from services.ingest.handlers import Door
from services.ingest.refusing import refusal
from shared.errors import Problem
from shared.problems import NOT_VALID, problems

_SECONDS = 300  # for which a browser keeps the settings
_REFUSED = NOT_VALID | problems(
    _401="An unknown key",
    _403="Not a browser key, or not for pages of this origin",
    _503="Keys cannot be read now",
)


def router(door: Door, public_url: str) -> APIRouter:
    """`public_url`: ingest's, from outside."""
    routes = APIRouter(tags=["events"])

    @routes.get(
        "/v1/projects/{write_key}/settings",
        summary="Settings of Segment's library for browsers",
        responses=_REFUSED,
    )
    async def settings(
        write_key: Annotated[str, Path(description="a browser key")],
        origin: Annotated[str, Header()] = "",
    ) -> Response:
        """With `cdnURL` set to ingest's address the library sends its events here."""
        try:
            key = await door.keys.key(write_key, "browser")
            if origin:
                check_origin(key, origin)
            answer = JSONResponse(settings_of(write_key, public_url))
            answer.headers["cache-control"] = f"max-age={_SECONDS}"
        except Problem as problem:
            answer = refusal(problem)
        answer.headers.update(heard_by(origin) if origin else {"vary": "origin"})
        return answer

    return routes


def settings_of(write_key: str, public_url: str) -> dict[str, Any]:
    """One destination, this; and no metrics of its own to Segment."""
    where = urlsplit(public_url)
    host = f"{where.netloc}{where.path.rstrip('/')}/v1"
    segment = {"apiKey": write_key, "apiHost": host, "protocol": where.scheme}
    return {"integrations": {"Segment.io": segment}, "metrics": {"sampleRate": 0}}
