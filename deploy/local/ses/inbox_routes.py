"""The inbox page and what it shows."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.local.ses import tracking
from deploy.local.ses.admin_routes import Respond, as_json
from deploy.local.ses.clock import iso
from deploy.local.ses.endpoint import Endpoint
from deploy.local.ses.reader_routes import missing, one_click_url

PAGE = Path(__file__).parent / "page"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src 'self' http: https: data:; style-src 'unsafe-inline' http: https:; "
    "font-src http: https: data:"
)
_asset_types = {"inbox.js": "text/javascript", "inbox.css": "text/css"}


def routes(endpoint: Endpoint) -> list[Route]:
    return [
        Route("/inbox", _page, methods=["GET"]),
        Route("/inbox-assets/{name}", _asset, methods=["GET"]),
        Route("/inbox/messages", _list(endpoint), methods=["GET"]),
        Route("/inbox/{id}", _page, methods=["GET"]),
        Route("/inbox/{id}/detail", _detail(endpoint), methods=["GET"]),
        Route("/inbox/{id}/html", _html(endpoint), methods=["GET"]),
    ]


async def _page(_request: Request) -> Response:
    html = (PAGE / "inbox.html").read_bytes()
    return Response(html, headers={"content-security-policy": PAGE_POLICY}, media_type="text/html")


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _asset_types:
        return missing()
    return Response((PAGE / name).read_bytes(), media_type=_asset_types[name])


def _list(endpoint: Endpoint) -> Respond:
    """`?to=TEXT&before=SEQ&limit=N` -> cards, the newest first, and how many mails there are."""

    async def respond(request: Request) -> Response:
        given = request.query_params
        before = int(given["before"]) if given.get("before", "").isdigit() else None
        limit = min(int(given["limit"]), 500) if given.get("limit", "").isdigit() else 50
        cards = endpoint.record.cards(given.get("to", ""), before, limit)
        told = {"total": len(endpoint.record.messages), "business_time": iso(endpoint.clock())}
        return as_json({"messages": cards} | told)

    return respond


def _detail(endpoint: Endpoint) -> Respond:
    async def respond(request: Request) -> Response:
        card = endpoint.record.card(request.path_params["id"])
        if card is None:
            return missing()
        message = endpoint.record.message(card.seq)
        parts = endpoint.record.parts(card.seq)
        happened = [endpoint.record.event(seq) for seq in card.events]
        one_click = one_click_url(message) is not None
        return as_json(
            {"message": message, "text": parts.text, "html": parts.html is not None}
            | {"events": happened, "one_click": one_click}
        )

    return respond


def _html(endpoint: Endpoint) -> Respond:
    async def respond(request: Request) -> Response:
        card = endpoint.record.card(request.path_params["id"])
        if card is None:
            return missing()
        html = tracking.rewritten(endpoint.record.parts(card.seq).html or "", card.id)
        headers = {"content-security-policy": MAIL_POLICY, "referrer-policy": "no-referrer"}
        return Response(html, headers=headers, media_type="text/html")

    return respond
