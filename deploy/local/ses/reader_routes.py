"""What people do with a mail: open, click, complain, unsubscribe."""

import re
from collections.abc import Callable

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.local.ses import events as ses
from deploy.local.ses import tracking
from deploy.local.ses.admin_routes import Respond, as_json
from deploy.local.ses.endpoint import Endpoint, business_time
from deploy.local.ses.record import Message
from deploy.local.ses.wire import bare

ONE_CLICK = "List-Unsubscribe=One-Click"


class Deed(msgspec.Struct, forbid_unknown_fields=True):
    """What a reader does. `at` is business time (ISO 8601, now by default)."""

    link: str = ""
    user_agent: str = ""
    ip: str = ""
    at: str = ""
    feedback: str = "abuse"
    bounce_type: str = "Permanent"
    bounce_subtype: str = "General"


Act = Callable[[Endpoint, Message, Deed], object]


def routes(endpoint: Endpoint) -> list[Route]:
    def act(name: str, deed: Act) -> Route:
        return Route(f"/inbox/{{id}}/{name}", _deed(endpoint, deed), methods=["POST"])

    return [
        act("open", _open),
        act("click", _click),
        act("complain", _complain),
        act("bounce", _bounce),
        Route("/inbox/{id}/unsubscribe", _unsubscribe(endpoint), methods=["POST"]),
        Route("/c/{id}/{number:int}", _followed(endpoint), methods=["GET", "HEAD"]),
        Route("/o/{id}.gif", _pixel(endpoint), methods=["GET", "HEAD"]),
    ]


def missing() -> Response:
    return as_json({"error": "no such message here"}, 404)


def _deed(endpoint: Endpoint, act: Act) -> Respond:
    """A JSON body of Deed's fields, or none; the event it made is the answer."""

    async def respond(request: Request) -> Response:
        message = endpoint.record.find(request.path_params["id"])
        if message is None:
            return missing()
        try:
            deed = msgspec.json.decode(await request.body() or b"{}", type=Deed)
            deed.user_agent = deed.user_agent or request.headers.get("user-agent", "")
            deed.ip = deed.ip or _ip(request)
            return as_json(act(endpoint, message, deed), 201)
        except ValueError as error:
            return as_json({"error": str(error)}, 400)

    return respond


def _reader(message: Message) -> str:
    return bare(message.recipients()[0])


def _open(endpoint: Endpoint, message: Message, deed: Deed) -> object:
    seen = ses.seen(deed.user_agent, deed.ip)
    return endpoint.happen(message, ses.OPEN, _reader(message), seen, business_time(deed.at))


def _click(endpoint: Endpoint, message: Message, deed: Deed) -> object:
    if deed.link not in message.links:
        raise ValueError(f"link: {deed.link!r} is not in the mail; it has {message.links}")
    detail = ses.clicked(deed.user_agent, deed.ip, deed.link)
    return endpoint.happen(message, ses.CLICK, _reader(message), detail, business_time(deed.at))


def _complain(endpoint: Endpoint, message: Message, deed: Deed) -> object:
    to = _reader(message)
    detail = ses.complaint(to, deed.feedback)
    return endpoint.happen(message, ses.COMPLAINT, to, detail, business_time(deed.at))


def _bounce(endpoint: Endpoint, message: Message, deed: Deed) -> object:
    if deed.bounce_type not in ses.BOUNCE_TYPES:
        raise ValueError(f"bounce_type: one of {', '.join(ses.BOUNCE_TYPES)}")
    to = _reader(message)
    detail = ses.bounce(to, deed.bounce_type, deed.bounce_subtype)
    return endpoint.happen(message, ses.BOUNCE, to, detail, business_time(deed.at))


def _followed(endpoint: Endpoint) -> Respond:
    """A tracked link: only what is in the mail is redirected to. A HEAD is no click."""

    async def respond(request: Request) -> Response:
        message = endpoint.record.find(request.path_params["id"])
        number = request.path_params["number"]
        if message is None or number >= len(message.links):
            return missing()
        link = message.links[number]
        if request.method == "GET":
            _click(endpoint, message, Deed(link, _agent(request), _ip(request)))
        return RedirectResponse(link, 302)

    return respond


def _pixel(endpoint: Endpoint) -> Respond:
    async def respond(request: Request) -> Response:
        message = endpoint.record.find(request.path_params["id"])
        if message is not None and request.method == "GET":
            _open(endpoint, message, Deed("", _agent(request), _ip(request)))
        return Response(
            tracking.PIXEL, headers={"cache-control": "no-store"}, media_type="image/gif"
        )

    return respond


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")


def _ip(request: Request) -> str:
    return request.client.host if request.client else ""


def one_click_url(message: Message) -> str | None:
    """RFC 8058: an https URL (http on a laptop) and the header that promises one click."""
    if (message.header("List-Unsubscribe-Post") or "").strip() != ONE_CLICK:
        return None
    found = re.search(r"<(https?://[^>\s]+)>", message.header("List-Unsubscribe") or "")
    return found.group(1) if found else None


def _unsubscribe(endpoint: Endpoint) -> Respond:
    """As a mailbox provider does it: no cookies, no redirects followed."""

    async def respond(request: Request) -> Response:
        message = endpoint.record.find(request.path_params["id"])
        if message is None:
            return missing()
        if not (url := one_click_url(message)):
            return as_json({"error": "the mail has no one-click List-Unsubscribe headers"}, 400)
        form = {"content-type": "application/x-www-form-urlencoded"}
        timeout = aiohttp.ClientTimeout(total=10)
        jar = aiohttp.DummyCookieJar()
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=jar) as session,
                session.post(url, data=ONE_CLICK, headers=form, allow_redirects=False) as answer,
            ):
                return as_json({"url": url, "status": answer.status})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return as_json({"error": f"no answer from {url}: {type(error).__name__}"}, 502)

    return respond
