"""`tuvi sources`: the shops whose webhooks are taken, through ingest's API."""

import os
import sys
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from shared.contracts.codec import encode
from tuvi import tables
from tuvi.client import CommandError, from_environment
from tuvi.definitions import AsJson, Reading, Url, Writing

app = typer.Typer(no_args_is_help=True)
CLOSED = "CLOSED: no token key opens its secret; give it anew"
SHOPS = ("shopify", "woocommerce", "bigcommerce")
Name = Annotated[str, typer.Argument(help="Of this source: a-z, 0-9 and -, such as main.")]


@app.command()
def create(  # noqa: PLR0913  the settings of a shop
    shop: Annotated[str, typer.Argument(help=" | ".join(SHOPS))],
    source: Name,
    *,
    secret: Annotated[
        str, typer.Option(help="- reads it from standard input; a process list would show it.")
    ] = "",
    secret_env: Annotated[str, typer.Option(help="The variable that holds the secret.")] = "",
    token_env: Annotated[
        str, typer.Option(help="The variable that holds the API's access token (BigCommerce).")
    ] = "",
    shop_url: Annotated[str, typer.Option(help="The storefront, https://shop.example.com")] = "",
    domain: Annotated[str, typer.Option(help="Shopify's own, example.myshopify.com")] = "",
    user_id_prefix: Annotated[str, typer.Option(help="Before customers' ids.")] = "",
    product_id_prefix: Annotated[str, typer.Option(help="Before products' ids.")] = "",
    currency: Annotated[str, typer.Option(help="Of the products, such as EUR.")] = "",
    consent_topic: Annotated[
        list[str] | None, typer.Option(help="What a yes to marketing is for; may be repeated.")
    ] = None,
    consent_meta: Annotated[
        str, typer.Option(help="WooCommerce: the meta key that says yes or no to mails.")
    ] = "",
    store_hash: Annotated[str, typer.Option(help="BigCommerce: …/stores/<store hash>/")] = "",
    url: Url = "",
    key: Writing = "",
) -> None:
    """Make a source, or change one: its settings become what is given; other secrets stay."""
    settings = {
        "url": shop_url,
        "domain": domain,
        "user_id_prefix": user_id_prefix,
        "product_id_prefix": product_id_prefix,
        "currency": currency,
        "consent_topics": consent_topic,
        "consent_meta": consent_meta,
        "store_hash": store_hash,
    }
    asked: dict[str, Any] = {
        "shop": shop,
        "secret": _secret(secret, secret_env),
        "access_token": _variable(token_env),
        "settings": {name: value for name, value in settings.items() if value},
    }
    body = encode({name: value for name, value in asked.items() if value not in ("", None)})
    client = from_environment(url, key)
    made = client.request("ingest", "PUT", f"/v1/sources/{quote(source)}", body)
    typer.echo(made["webhook"])
    if made["header"]:
        typer.echo(f"give each webhook the header {made['header']} with the secret")


@app.command("list")
def list_(url: Url = "", key: Reading = "", as_json: AsJson = False) -> None:  # noqa: FBT002
    """All sources: where their webhooks go, and when one last came."""
    found = from_environment(url, key).request("ingest", "GET", "/v1/sources")
    if as_json:
        typer.echo(encode(found).decode())
        return
    rows = [_row(one) for one in found["items"]]
    tables.show(rows, none="no sources: `tuvi sources create` makes one")


def _row(source: dict[str, Any]) -> dict[str, Any]:
    last = source["last_delivery_at"]
    return {
        "source": f"{source['shop']}/{source['name']}",
        "webhook": source["webhook"],
        "last delivery": datetime.fromisoformat(last) if last else "none yet",
        "state": CLOSED if source["closed"] else "open",
    }


@app.command()
def remove(source: Name, url: Url = "", key: Writing = "") -> None:
    """Take no more webhooks of it; what came is kept."""
    from_environment(url, key).request("ingest", "DELETE", f"/v1/sources/{quote(source)}")
    typer.echo(f"{source} is removed")


def _secret(given: str, variable: str) -> str:
    if given and variable:
        raise CommandError("give --secret - or --secret-env, not both")
    if not given:
        return _variable(variable)
    if given != "-":
        raise CommandError(
            "a secret on the command line is seen by all: --secret - or --secret-env"
        )
    return sys.stdin.readline().strip()


def _variable(name: str) -> str:
    if not name:
        return ""
    if not os.environ.get(name, "").strip():
        raise CommandError(f"the variable {name} is not set")
    return os.environ[name].strip()
