"""/v1/catalogue: what shops have said of their products."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.segmenter.adapters import catalogue_rows as rows
from services.segmenter.domain.catalogue import Product, shown
from shared.auth import Keys
from shared.contracts.codec import encode
from shared.errors import Problem
from shared.problems import KEYS, NOT_VALID, problems

TEXT = "^[^\\x00]*$"  # what PostgreSQL takes as a text
Id = Annotated[str, Path(pattern=TEXT, description="As the shop calls it", examples=["632910392"])]
After = Annotated[str, Query(pattern=TEXT, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class Variant(BaseModel):
    """What is known of a variant; `stock` is missing where nobody counts its pieces."""

    model_config = ConfigDict(extra="allow")

    sku: str | None = None
    name: str | None = None
    price: Decimal | None = None
    stock: int | None = None
    inventory_item: str | None = None


class Facts(BaseModel):
    """Those that the shop has stated; more than these may be there."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    url: str | None = None
    image_url: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    category: str | None = None
    brand: str | None = None
    sku: str | None = None
    tags: list[str] | None = None
    stock: int | None = Field(None, description="Pieces of all variants")
    variants: dict[str, Variant] | None = Field(None, description="By the variant's id")


class ProductNow(BaseModel):
    """`version` counts its changes; `updated_at` is when it was last spoken of (business time)."""

    product: str
    version: int
    deleted: bool = Field(description="The shop has it no more; its facts are gone")
    facts: Facts
    updated_at: datetime


class Page(BaseModel):
    """In order of the ids. `next`: give it as `after`; null on the last page."""

    items: list[ProductNow]
    next: str | None


_REFUSED = KEYS | NOT_VALID


def router(pool: asyncpg.Pool, keys: Keys) -> APIRouter:
    """Reads only: products are stated through the shop's webhooks."""
    routes = APIRouter(prefix="/v1/catalogue", tags=["catalogue"], responses=_REFUSED)
    reader = Depends(keys.requires("read"))

    @routes.get("", summary="The products, page by page", response_model=Page)
    async def page(
        workspace: Annotated[str, reader], after: After = "", limit: Limit = 100
    ) -> Response:
        """All that the shop has now, in order of their ids; deleted ones are left out."""
        found = await rows.page(pool, workspace, after, limit)
        following = found[-1][0].product if len(found) == limit else None
        return _json({"items": [_now(*each) for each in found], "next": following})

    @routes.get(
        "/{product}",
        summary="One product",
        response_model=ProductNow,
        responses=problems(_404="No such product"),
    )
    async def one(product: Id, workspace: Annotated[str, reader]) -> Response:
        """What is known of it now; of a deleted one, that it is."""
        found = await rows.one(pool, workspace, product)
        if found is None or shown(found[0]) is None:
            raise Problem(404, "No such product", f"The shop has said nothing of '{product}' yet.")
        return _json(_now(*found))

    return routes


def _now(product: Product, updated_at: datetime) -> dict[str, Any]:
    there, facts = shown(product) or (False, {})
    return {
        "product": product.product,
        "version": product.version,
        "deleted": not there,
        "facts": facts,
        "updated_at": updated_at,
    }


def _json(value: object) -> Response:
    """Decimals stay numbers, which FastAPI's own encoder would not do."""
    return Response(encode(value), media_type="application/json")
