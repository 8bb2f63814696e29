"""From a command and a rendered template to SES's SendEmail."""

from typing import Any

import msgspec

from services.sender.confirming import to_confirm
from services.sender.settings import SenderSettings
from services.sender.templates import CompiledTemplate, Rendered, RenderJob
from shared.contracts import Send
from shared.definitions import Registry
from shared.tags import to_tag
from shared.tokens import UnsubscribeClaim, keys_from, make_token

_CONTACT = ("workspace", "contact", "run")
_STEP = ("journey", "version", "step", "variant", "template", "topic")


class NoTemplateError(LookupError):
    """Says which template is not there."""

    def __init__(self, template: str) -> None:
        super().__init__(f"no template {template!r} is published")


class Mails:
    """What is the same for all mails: shop, sender, links; templates as announced."""

    def __init__(self, settings: SenderSettings, registry: Registry) -> None:
        self._settings, self._registry = settings, registry
        self._keys = keys_from(settings.token_keys)
        self._public_url = settings.public_url.rstrip("/")
        self._compiled: dict[tuple[str, str], tuple[int, CompiledTemplate]] = {}

    def job(self, send: Send, address: str) -> RenderJob:
        """What the pool renders. NoTemplateError; others with unfit data."""
        return RenderJob(self._template(send), self._data(send, address))

    def _template(self, send: Send) -> CompiledTemplate:
        """The newest that was published."""
        definition = self._registry.get(send.workspace, "template", send.template)
        if definition is None:
            raise NoTemplateError(send.template)
        name = send.workspace, send.template
        known = self._compiled.get(name)
        if known is None or known[0] != definition.version:
            known = definition.version, msgspec.convert(definition.body, CompiledTemplate)
            self._compiled[name] = known
        return known[1]

    def _data(self, send: Send, address: str) -> dict[str, Any]:
        """All that the template may see."""
        contact = {**(send.data.get("contact") or {}), "email": address}
        data = {**send.data, "contact": contact, "journey": send.journey, "step": send.step}
        data["shop"] = self._shop(send.workspace)
        if not send.transactional:
            data["unsubscribe_url"] = data["preferences_url"] = self._unsubscribe_url(send)
        elif claim := to_confirm(send):
            data["confirm_url"] = f"{self._public_url}/confirm/{make_token(self._keys, claim)}"
        return data

    def body(self, send: Send, address: str, rendered: Rendered) -> bytes:
        """The JSON of one SendEmail, to one recipient."""
        own = self._own(send.workspace)
        simple: dict[str, Any] = {
            "Subject": {"Data": _one_line(rendered.subject), "Charset": "UTF-8"},
            "Body": {
                "Html": {"Data": rendered.html, "Charset": "UTF-8"},
                "Text": {"Data": rendered.text, "Charset": "UTF-8"},
            },
        }
        if not send.transactional:
            simple["Headers"] = self._headers(send)
        request: dict[str, Any] = {
            "FromEmailAddress": own.get("from") or self._settings.sender,
            "Destination": {"ToAddresses": [ascii_address(address)]},
            "Content": {"Simple": simple},
            "EmailTags": _tags(send),
            "ConfigurationSetName": self._settings.ses_configuration_set,
        }
        reply_to = own.get("reply_to") or self._settings.reply_to
        if reply_to:
            request["ReplyToAddresses"] = [reply_to]
        return msgspec.json.encode(request)

    def _own(self, workspace: str) -> dict[str, Any]:
        found = self._registry.all("workspace", workspace)
        return found[0].body if found else {}

    def _shop(self, workspace: str) -> dict[str, str]:
        s = self._settings
        given = self._own(workspace).get("shop") or {}
        return {"name": s.shop_name, "url": s.shop_url, "address": s.shop_address, **given}

    def _unsubscribe_url(self, send: Send) -> str:
        claim = UnsubscribeClaim(
            workspace=send.workspace,
            contact=send.contact,
            message=send.message,
            topic=send.topic,
            journey=send.journey,
            version=send.version,
            run=send.run,
            step=send.step,
            variant=send.variant,
        )
        return f"{self._public_url}/u/{make_token(self._keys, claim)}"

    def _headers(self, send: Send) -> list[dict[str, str]]:
        """One click (RFC 8058)."""
        ways = f"<{self._unsubscribe_url(send)}>"
        if self._settings.unsubscribe_mailto:
            ways += f", <mailto:{self._settings.unsubscribe_mailto}>"
        return [
            {"Name": "List-Unsubscribe", "Value": ways},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ]


def _tags(send: Send) -> list[dict[str, str]]:
    tags = [{"Name": "message_id", "Value": to_tag(send.message)}]
    for name in (*_CONTACT, *_STEP):
        value = str(getattr(send, name) or "")
        if value:
            tags.append({"Name": name, "Value": to_tag(value)})
    return tags


def ascii_address(address: str) -> str:
    """SES takes no SMTPUTF8: the domain becomes punycode; a local part of other letters stays."""
    local, at, domain = address.strip().rpartition("@")
    try:
        return local + at + domain.encode("idna").decode() if at else address
    except UnicodeError:
        return address


def _one_line(subject: str) -> str:
    return " ".join(subject.replace("\0", " ").split())
