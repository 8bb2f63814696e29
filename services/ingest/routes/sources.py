"""/v1/sources: the shops whose webhooks are taken. Secrets go in and never come out."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ingest.adapters.bodies import whole_body
from services.ingest.adapters.source_rows import Asked, Kept
from services.ingest.adapters.sources import Sources
from services.ingest.domain.shops.source import Source
from shared.auth import Keys
from shared.errors import Problem
from shared.problems import KEYS, problems

MAX_BYTES = 16 * 1024
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
HEADERS = {"bigcommerce": "X-Tuvi-Secret"}
_URL = r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?$"
_DOMAIN = r"^[A-Za-z0-9.-]+$"
Text = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class SourceSettings(BaseModel):
    """What the tables know of a shop besides its webhooks."""

    model_config = ConfigDict(extra="forbid")

    url: Text | None = Field(
        default=None,
        pattern=_URL,
        description="of the storefront; WooCommerce's deliveries must name it",
    )
    domain: Text | None = Field(
        default=None, pattern=_DOMAIN, description="Shopify's own, `….myshopify.com`; must be named"
    )
    user_id_prefix: Text | None = Field(
        default=None, description="before a customer's id, so that two shops do not share userIds"
    )
    product_id_prefix: Text | None = Field(
        default=None,
        max_length=64,
        description="before a product's id, in events too, so that two shops do not share products",
    )
    currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        description="of the products, where the shop does not say it",
    )
    consent_topics: list[Annotated[Text, Field(min_length=1)]] | None = Field(
        default=None, max_length=20, description="what a yes to the shop's marketing is for"
    )
    consent_meta: Text | None = Field(
        default=None,
        min_length=1,
        description="WooCommerce: the meta key of orders and customers that says yes or no",
    )
    store_hash: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9]{1,40}$", description="BigCommerce"
    )


class SourceAsked(BaseModel):
    """`secret` and `access_token` may be left out where they are known and stay."""

    model_config = ConfigDict(extra="forbid")

    shop: Literal["shopify", "woocommerce", "bigcommerce"]
    secret: str | None = Field(
        default=None,
        min_length=8,
        max_length=512,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="that the shop signs with, or sends",
    )
    access_token: str | None = Field(
        default=None,
        max_length=512,
        pattern=r"^[!-~]+$",
        description="of the shop's API (BigCommerce)",
    )
    settings: SourceSettings = SourceSettings()


class SourceShown(BaseModel):
    """`webhook`: the URL to give to the shop; `header`: what it must send the secret in, if any;
    `closed`: no token key opens its secret; until it is given anew its webhooks are answered 503.
    """

    name: str
    shop: str
    settings: SourceSettings
    webhook: str
    header: str | None
    has_access_token: bool
    closed: bool
    created_at: datetime
    last_delivery_at: datetime | None


class SourceList(BaseModel):
    """Ordered by name."""

    items: list[SourceShown]


def _schema() -> dict[str, Any]:
    """The body's, with its parts where OpenAPI has them: `SourceShown` brings the settings."""
    schema = SourceAsked.model_json_schema(ref_template="#/components/schemas/{model}")
    return {name: value for name, value in schema.items() if name != "$defs"}


_EXAMPLE = {
    "shop": "shopify",
    "secret": "the app's client secret",
    "settings": {"url": "https://shop.example.com", "domain": "example.myshopify.com"},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _schema(), "example": _EXAMPLE}},
    }
}
_UNKNOWN = problems(_404="No such source in this workspace")


def router(sources: Sources, keys: Keys, public_url: str) -> APIRouter:
    routes = APIRouter(prefix="/v1/sources", tags=["sources"], responses=KEYS)
    reader, writer = Depends(keys.requires("read")), Depends(keys.requires("write"))

    def shown(kept: Kept) -> SourceShown:
        source = kept.source
        return SourceShown(
            name=source.name,
            shop=source.shop,
            settings=SourceSettings(**source.settings),
            webhook=f"{public_url.rstrip('/')}/webhooks/{source.via}",
            header=HEADERS.get(source.shop),
            has_access_token=bool(source.access_token),
            closed=not source.secrets,
            created_at=kept.created_at,
            last_delivery_at=kept.last_delivery_at,
        )

    @routes.put(
        "/{source}",
        summary="Make or change a source",
        openapi_extra=_BODY,
        responses={
            201: {"model": SourceShown, "description": "It is new"},
            **problems(
                _400="Broken gzip",
                _408="The body did not come in time",
                _409="The name is another shop's",
                _413="Larger than 16 kB",
                _415="Packed in another way than gzip",
                _422="Which field, and why",
            ),
        },
    )
    async def put(
        source: str, request: Request, response: Response, workspace: Annotated[str, writer]
    ) -> SourceShown:
        """Its name is unique in the installation: it stands in the webhook's URL. In force within
        seconds. After a change of the secret the one before is good for a day.
        """
        asked = _asked(source, workspace, await whole_body(request, MAX_BYTES))
        kept, new = await sources.put(asked)
        response.status_code = 201 if new else 200
        return shown(kept)

    @routes.get("", summary="All sources")
    async def all_sources(workspace: Annotated[str, reader]) -> SourceList:
        return SourceList(items=[shown(kept) for kept in await sources.all(workspace)])

    @routes.get("/{source}", summary="One source", responses=_UNKNOWN)
    async def one(source: str, workspace: Annotated[str, reader]) -> SourceShown:
        return shown(await sources.one(workspace, _name(source)))

    @routes.delete("/{source}", summary="Remove a source", status_code=204, responses=_UNKNOWN)
    async def remove(source: str, workspace: Annotated[str, writer]) -> None:
        """Its webhooks are answered 404 within seconds; what came is kept."""
        await sources.remove(workspace, _name(source))

    return routes


def _asked(name: str, workspace: str, body: bytes) -> Asked:
    if not NAME.fullmatch(name):
        message = "is no name; give up to 63 of a-z, 0-9 and -, such as main"
        raise _refused([{"field": "source", "message": message}])
    try:
        said = SourceAsked.model_validate_json(body)
    except ValidationError as error:
        raise _refused([_entry(one) for one in error.errors()]) from error
    missing = said.shop == "bigcommerce" and not said.settings.store_hash
    if missing:
        message = "is missing; the API's path has it: api.bigcommerce.com/stores/<store_hash>/"
        raise _refused([{"field": "settings.store_hash", "message": message}])
    source = Source(
        name,
        workspace,
        said.shop,
        said.settings.model_dump(exclude_none=True),
        access_token=said.access_token or "",
    )
    return Asked(source, said.secret or "")


def _name(source: str) -> str:
    """As it may stand in the database; another one is nobody's."""
    return source if NAME.fullmatch(source) else "?"


def _entry(error: Mapping[str, Any]) -> dict[str, str]:
    return {"field": ".".join(map(str, error["loc"])) or "body", "message": str(error["msg"])}


def _refused(errors: list[dict[str, str]]) -> Problem:
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
    return Problem(422, "Not a source", detail, errors=errors)
