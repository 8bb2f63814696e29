"""For tests, the demo and operators: the record, faults, the account, subscriptions, the clock."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.local.ses.clock import iso, parse_instant
from deploy.local.ses.endpoint import Endpoint
from deploy.local.ses.faults import FaultPlan
from deploy.local.ses.lines import Lines
from deploy.local.ses.subscriptions import Subscription

Respond = Callable[[Request], Awaitable[Response]]
MOST = 10_000


class NewSubscription(msgspec.Struct, forbid_unknown_fields=True):
    url: str


class Flow(msgspec.Struct, forbid_unknown_fields=True):
    """While paused, notifications wait: SES's feed lags."""

    paused: bool


class Time(msgspec.Struct, forbid_unknown_fields=True):
    """From now on business time is `business` and runs at `speed` (0 stands still)."""

    business: str
    speed: float = 1.0


def routes(endpoint: Endpoint) -> list[Route]:
    def route(
        path: str, method: str, handler: Callable[[Endpoint, Request, bytes], object]
    ) -> Route:
        return Route(path, _plain(endpoint, handler), methods=[method])

    return [
        Route("/admin/messages", _page(endpoint.record.messages), methods=["GET"]),
        Route("/admin/events", _page(endpoint.record.events), methods=["GET"]),
        route("/admin/stats", "GET", _stats),
        route("/admin/faults", "GET", lambda e, _r, _b: e.faults.plan),
        route("/admin/faults", "PUT", _set_faults),
        route("/admin/account", "GET", lambda e, _r, _b: e.account.standing),
        route("/admin/account", "PATCH", _set_account),
        route("/admin/subscriptions", "GET", _subscriptions),
        route("/admin/subscriptions", "POST", _subscribe),
        route("/admin/subscriptions/{arn}", "DELETE", _unsubscribe),
        route("/admin/notifications", "GET", _flow),
        route("/admin/notifications", "PUT", _set_flow),
        route("/admin/clock", "GET", _time),
        route("/admin/clock", "PUT", _set_time),
        route("/healthz", "GET", lambda _e, _r, _b: {"ok": True}),
    ]


def _plain(endpoint: Endpoint, handler: Callable[[Endpoint, Request, bytes], object]) -> Respond:
    async def respond(request: Request) -> Response:
        try:
            return as_json(handler(endpoint, request, await request.body()))
        except ValueError as error:
            return as_json({"error": str(error)}, 400)

    return respond


def as_json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _page(lines: Lines) -> Respond:
    """`?after=LINE&limit=N` -> `{"items": [lines], "next": LINE}`; at the end items is empty."""

    async def respond(request: Request) -> Response:
        try:
            after = int(request.query_params.get("after", "0"))
            limit = min(int(request.query_params.get("limit", "1000")), MOST)
        except ValueError:
            return as_json({"error": "after and limit are whole numbers"}, 400)
        items = lines.page(after, limit)
        last = str(after + len(items)).encode()
        body = b'{"items":[' + b",".join(items) + b'],"next":' + last + b"}"
        return Response(body, media_type="application/json")

    return respond


def _stats(endpoint: Endpoint, _request: Request, _body: bytes) -> object:
    return {
        "accepted": len(endpoint.record.messages),
        "events": endpoint.record.counts,
        "refused": endpoint.refusals,
        "faults": endpoint.faults.happened,
        "sent_last_24h": endpoint.account.sent_last_day(),
        "notifications_pending": endpoint.topic.pending,
        "business_time": iso(endpoint.clock()),
    }


def _set_faults(endpoint: Endpoint, _request: Request, body: bytes) -> object:
    plan = msgspec.json.decode(body, type=FaultPlan)
    endpoint.faults.set(plan)
    return plan


def _set_account(endpoint: Endpoint, _request: Request, body: bytes) -> object:
    """Give only what changes."""
    given = msgspec.json.decode(body, type=dict[str, object])
    known = msgspec.to_builtins(endpoint.account.standing)
    if unknown := set(given) - set(known):
        raise ValueError(f"{sorted(unknown)} unknown; one of {', '.join(known)}")
    standing = msgspec.convert(known | given, type(endpoint.account.standing))
    endpoint.account.set(standing)
    return standing


def _described(one: Subscription) -> dict[str, object]:
    return {"arn": one.arn, "url": one.url, "confirmed": one.confirmed}


def _subscriptions(endpoint: Endpoint, _request: Request, _body: bytes) -> object:
    topic = endpoint.topic
    known = [_described(one) for one in topic.subscriptions]
    return {"topic": topic.arn, "subscriptions": known}


def _subscribe(endpoint: Endpoint, _request: Request, body: bytes) -> object:
    given = msgspec.json.decode(body, type=NewSubscription)
    if not given.url.startswith(("http://", "https://")):
        raise ValueError("url: must start with http:// or https://")
    return _described(endpoint.topic.subscribe(given.url))


def _unsubscribe(endpoint: Endpoint, request: Request, _body: bytes) -> object:
    if not endpoint.topic.subscriptions.remove(request.path_params["arn"]):
        raise ValueError("arn: no such subscription")
    return {}


def _flow(endpoint: Endpoint, _request: Request, _body: bytes) -> object:
    topic = endpoint.topic
    return {"paused": not topic.flowing.is_set(), "pending": topic.pending}


def _set_flow(endpoint: Endpoint, request: Request, body: bytes) -> object:
    if msgspec.json.decode(body, type=Flow).paused:
        endpoint.topic.flowing.clear()
    else:
        endpoint.topic.flowing.set()
    return _flow(endpoint, request, body)


def _time(endpoint: Endpoint, _request: Request, _body: bytes) -> object:
    return {"business": iso(endpoint.clock()), "speed": endpoint.clock.speed}


def _set_time(endpoint: Endpoint, request: Request, body: bytes) -> object:
    given = msgspec.json.decode(body, type=Time)
    endpoint.clock.set(parse_instant(given.business, "business"), given.speed)
    return _time(endpoint, request, body)
