"""The rest of Amazon's API: the account, the suppression list, SNS's few calls."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.local.ses.clock import iso, wall
from deploy.local.ses.endpoint import Endpoint
from deploy.local.ses.refusal import Refusal, bad_request
from deploy.local.ses.send_route import read_call
from deploy.local.ses.signature import Call
from deploy.local.ses.suppression import Entry

Handler = Callable[[Endpoint, Request, Call], object]
SUPPRESSION = "/v2/email/suppression/addresses"
SNS = "http://sns.amazonaws.com/doc/2010-03-31/"


class Suppress(msgspec.Struct, rename="pascal"):
    email_address: str
    reason: str


def routes(endpoint: Endpoint) -> list[Route]:
    def route(path: str, method: str, handler: Handler) -> Route:
        return Route(path, _signed(endpoint, handler), methods=[method])

    one = SUPPRESSION + "/{address}"
    return [
        route("/v2/email/account", "GET", _account),
        route(SUPPRESSION, "PUT", _put_suppressed),
        route(SUPPRESSION, "GET", _list_suppressed),
        route(one, "GET", _get_suppressed),
        route(one, "DELETE", _delete_suppressed),
        Route("/", _sns(endpoint), methods=["GET", "POST"]),
        Route(endpoint.signer.path, _certificate(endpoint), methods=["GET"]),
    ]


def _signed(endpoint: Endpoint, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        call = await read_call(request.scope, request.receive)
        try:
            endpoint.verifier.check(call, wall())
            return _json(200, handler(endpoint, request, call))
        except Refusal as refusal:
            endpoint.refused(refusal.kind)
            return _json(refusal.status, {"message": refusal.message}, refusal.kind)

    return respond


def _json(status: int, content: object, kind: str | None = None) -> Response:
    headers = {"x-amzn-requestid": str(uuid4())} | ({"x-amzn-errortype": kind} if kind else {})
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def _account(endpoint: Endpoint, _request: Request, _call: Call) -> object:
    return endpoint.account.description()


def _put_suppressed(endpoint: Endpoint, _request: Request, call: Call) -> object:
    try:
        given = msgspec.json.decode(call.body, type=Suppress)
    except msgspec.DecodeError as error:
        raise bad_request(f"1 validation error detected: {error}") from error
    endpoint.suppressed.put(given.email_address, given.reason, iso(endpoint.clock()))
    return {}


def _get_suppressed(endpoint: Endpoint, request: Request, _call: Call) -> object:
    return {
        "SuppressedDestination": _entry(endpoint.suppressed.get(request.path_params["address"]))
    }


def _delete_suppressed(endpoint: Endpoint, request: Request, _call: Call) -> object:
    endpoint.suppressed.remove(request.path_params["address"], iso(endpoint.clock()))
    return {}


def _list_suppressed(endpoint: Endpoint, request: Request, _call: Call) -> object:
    size = int(request.query_params.get("PageSize", "1000"))
    entries = endpoint.suppressed.page(request.query_params.get("NextToken", ""), size)
    answer: dict[str, object] = {"SuppressedDestinationSummaries": [_entry(one) for one in entries]}
    if len(entries) == size:
        answer["NextToken"] = entries[-1].address
    return answer


def _entry(entry: Entry) -> dict[str, object]:
    return {
        "EmailAddress": entry.address,
        "Reason": entry.reason,
        "LastUpdateTime": datetime.fromisoformat(entry.at).timestamp(),
    }


def _sns(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """ConfirmSubscription and Unsubscribe as SNS's query API has them (neither needs a key)."""

    async def respond(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        given = dict(request.query_params) | dict(parse_qsl(body))
        action = given.get("Action", "")
        if action == "ConfirmSubscription":
            if given.get("TopicArn") != endpoint.topic.arn:
                return _sns_error(404, "NotFound", "Topic does not exist")
            last = len(endpoint.record.events)
            confirmed = endpoint.topic.confirm(given.get("Token", ""), last)
            if confirmed is None:
                return _sns_error(400, "InvalidParameter", "Invalid parameter: Token")
            return _sns_result(action, f"<SubscriptionArn>{confirmed.arn}</SubscriptionArn>")
        if action == "Unsubscribe":
            endpoint.topic.subscriptions.remove(given.get("SubscriptionArn", ""))
            return _sns_result(action, "")
        return _sns_error(400, "InvalidAction", f"Action {action!r} is not known here")

    return respond


def _sns_result(action: str, inner: str) -> Response:
    xml = (
        f'<{action}Response xmlns="{SNS}"><{action}Result>{inner}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Response(xml, media_type="text/xml")


def _sns_error(status: int, code: str, message: str) -> Response:
    xml = (
        f'<ErrorResponse xmlns="{SNS}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(xml, status, media_type="text/xml")


def _certificate(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def respond(_request: Request) -> Response:
        return Response(endpoint.signer.certificate, media_type="application/x-pem-file")

    return respond
