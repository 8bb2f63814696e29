"""/v1/preferences: what ingest's preference page shows of its contact's present choices.

Who holds the link of a mail may see them on that page, so the link's own token opens them here,
for this one contact; no key is needed that opens more.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict

from services.segmenter.adapters.contact_rows import Contacts
from shared.contracts.codec import encode
from shared.errors import Problem
from shared.tokens import BadToken, UnsubscribeClaim, read_token


class Chosen(BaseModel):
    """What is missing was never said; `*` among the topics is all marketing."""

    locale: str = ""
    email_frequency: str = ""
    topics: dict[str, str] = {}

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "locale": "de-AT",
                    "email_frequency": "less",
                    "topics": {"newsletter": "subscribed", "cart-reminders": "unsubscribed"},
                }
            ]
        }
    )


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Chosen},
    401: {"description": "No token, or none of a link in a mail"},
    404: {"description": "Nothing of the contact has been taken yet"},
}


def router(contacts: Contacts, token_keys: list[str]) -> APIRouter:
    """`token_keys`: none, and nobody is let in."""
    routes = APIRouter(tags=["contacts"])

    @routes.get(
        "/v1/preferences", summary="What the contact of a link has chosen", responses=_ANSWERS
    )
    async def preferences(
        authorization: Annotated[
            str, Header(description="`Bearer` and the token of the mail's link (`/u/{token}`)")
        ] = "",
    ) -> Response:
        claim = _claim(token_keys, authorization)
        found = await contacts.preferences(claim.workspace, claim.contact)
        return Response(encode(found), media_type="application/json")

    return routes


def _claim(token_keys: list[str], authorization: str) -> UnsubscribeClaim:
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token_keys:
        raise _refused()
    try:
        return read_token(token_keys, token.strip())
    except BadToken as error:
        raise _refused() from error


def _refused() -> Problem:
    detail = "Send `Authorization: Bearer <token of a link>`; TUVI_TOKEN_KEYS must be ingest's."
    return Problem(401, "No token of a link", detail)
