"""What SendEmail takes, and the checks that SES makes before it accepts."""

import re

import msgspec

from deploy.local.ses.refusal import Refusal, bad_request, rejected

MAX_BYTES = 10 * 1024 * 1024
MAX_RECIPIENTS = 50
MAX_TAGS = 50
HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
HEADER_VALUE = re.compile(r"[ -~]{1,995}")
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
NAMED = re.compile(r"[^<>]*<([^<>]*)>\s*")
LOCAL = re.compile(r"[!-~]{1,64}")
CONTROL = re.compile(r"[\r\n\0]")
OWN_HEADERS = {"bcc", "cc", "content-type", "date", "from", "message-id", "mime-version", "to"} | {
    "content-disposition",
    "content-transfer-encoding",
    "reply-to",
    "return-path",
    "sender",
    "subject",
}
# What a virus scanner is tested with carries this; SES answers it with a Reject event.
VIRUS = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE"


class Part(msgspec.Struct, rename="pascal"):
    data: str
    charset: str | None = None


class Body(msgspec.Struct, rename="pascal"):
    html: Part | None = None
    text: Part | None = None


class Header(msgspec.Struct, rename="pascal"):
    name: str
    value: str


class Simple(msgspec.Struct, rename="pascal"):
    subject: Part
    body: Body
    headers: list[Header] = []


class Content(msgspec.Struct, rename="pascal"):
    """Raw and Template are not read, so that their absence gives one clear refusal."""

    simple: Simple | None = None


class Destination(msgspec.Struct, rename="pascal"):
    to_addresses: list[str] = []
    cc_addresses: list[str] = []
    bcc_addresses: list[str] = []

    def all(self) -> list[str]:
        return [*self.to_addresses, *self.cc_addresses, *self.bcc_addresses]


class SendEmail(msgspec.Struct, rename="pascal"):
    content: Content
    destination: Destination = msgspec.field(default_factory=Destination)
    from_email_address: str = ""
    reply_to_addresses: list[str] = []
    email_tags: list[Header] = []
    configuration_set_name: str | None = None


_decoder = msgspec.json.Decoder(SendEmail)


def decode(body: bytes) -> tuple[SendEmail, Simple]:
    """The request, all of it checked but for what needs the account; Refusal as SES words it."""
    if len(body) > MAX_BYTES:
        raise rejected(f"Message length is more than {MAX_BYTES} bytes long: {len(body)}.")
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_request(f"1 validation error detected: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "SerializationException", f"Malformed JSON: {error}") from error
    if request.content.simple is None:
        raise bad_request(
            "Content.Simple is required: this endpoint takes neither Raw nor Template."
        )
    _check_addresses(request)
    _check_simple(request.content.simple)
    _check_tags(request.email_tags)
    return request, request.content.simple


def bare(address: str) -> str:
    """The address in `Name <address>`; Refusal if SES would not take it (ASCII, punycode)."""
    if CONTROL.search(address):
        raise bad_request("Local address contains control or whitespace")
    named = NAMED.fullmatch(address)
    plain = named.group(1) if named else address
    local, at, domain = plain.rpartition("@")
    if not at:
        raise bad_request("Missing final '@domain'")
    if not LOCAL.fullmatch(local):
        raise bad_request("Local address contains control or whitespace, or is not ASCII")
    if not DOMAIN.fullmatch(domain):
        raise bad_request("Domain contains illegal character or ends with a dot")
    return plain


def _check_addresses(request: SendEmail) -> None:
    if not request.from_email_address:
        raise bad_request("FromEmailAddress is required.")
    recipients = request.destination.all()
    if not recipients:
        raise bad_request("Destination must have at least one recipient.")
    if len(recipients) > MAX_RECIPIENTS:
        raise bad_request(f"Recipient count exceeds {MAX_RECIPIENTS}.")
    for address in (request.from_email_address, *recipients, *request.reply_to_addresses):
        bare(address)


def _check_simple(message: Simple) -> None:
    if CONTROL.search(message.subject.data):
        raise bad_request("Subject contains a line break or NUL.")
    if message.body.html is None and message.body.text is None:
        raise bad_request("Body must have Html or Text.")
    if len(message.headers) > 15:  # noqa: PLR2004  (botocore's model says so)
        raise bad_request("Headers: at most 15.")
    for header in message.headers:
        if not HEADER_NAME.fullmatch(header.name):
            raise bad_request(
                "Header name must be 1 to 126 printable ASCII characters, no colon or space."
            )
        if not HEADER_VALUE.fullmatch(header.value):
            raise bad_request(
                f"Header {header.name}: value must be 1 to 995 printable ASCII characters."
            )
        if header.name.lower() in OWN_HEADERS:
            raise bad_request(f"Header {header.name} is not allowed: SES sets it.")


def _check_tags(tags: list[Header]) -> None:
    if len(tags) > MAX_TAGS:
        raise bad_request(f"EmailTags: at most {MAX_TAGS}.")
    for tag in tags:
        for what, value in (("name", tag.name), ("value", tag.value)):
            if not TAG.fullmatch(value):
                raise bad_request(
                    f"Invalid tag {what} <{value}>: only alphanumeric ASCII characters, "
                    "'_' and '-' are allowed, 1 to 256 of them."
                )
    if len({tag.name for tag in tags}) != len(tags):
        raise bad_request("EmailTags: a tag name may occur once.")
