"""A source: one shop that sends webhooks, and how its deliveries are known to be its own."""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from services.ingest.domain.shops.table import Shop
from shared.contracts.wire import Plain


@dataclass(frozen=True, slots=True)
class Source:
    """`secrets`: the newest first; after a change the one before is good for a day.

    `settings`: `url` of the storefront, `domain` (Shopify's own), `user_id_prefix`,
    `product_id_prefix`, `currency`, `consent_topics`, `consent_meta` (WooCommerce), `store_hash`
    (BigCommerce).
    `access_token`: for the shop's API.
    """

    name: str
    workspace: str
    shop: Shop
    settings: Plain
    secrets: tuple[str, ...] = field(repr=False, default=())
    access_token: str = field(repr=False, default="")

    @property
    def via(self) -> str:
        """The door, as messages name it."""
        return f"{self.shop}/{self.name}"


def signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Is it the base64 of HMAC-SHA256 over these bytes, by one of the secrets?"""
    given = signature.strip().encode("utf-8", "replace")
    ours = [b64encode(hmac.digest(secret.encode(), body, sha256)) for secret in secrets]
    return any([hmac.compare_digest(one, given) for one in ours])  # noqa: C419  each is compared


def told_secret(given: str, secrets: Iterable[str]) -> bool:
    """Is it one of the secrets itself? For shops that sign nothing but send a header of ours."""
    said = given.strip().encode("utf-8", "replace")
    same = [hmac.compare_digest(secret.encode(), said) for secret in secrets]
    return any(same)


def same_shop(source: Source, header: str) -> bool:
    """Does the delivery name the shop that the source is for? One that names none is let in: the
    signature has told whose it is.
    """
    stated = [source.settings.get(name) for name in ("domain", "url")]
    ours = {_host(place) for place in stated if isinstance(place, str)} - {""}
    theirs = _host(header)
    if source.shop == "shopify":  # it names its own domain, never the storefront's
        ours = {_host(source.settings.get("domain") or "")} - {""}
    return not ours or not theirs or theirs in ours


def _host(place: object) -> str:
    text = str(place).strip().lower()
    try:
        found = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return found.removeprefix("www.")
