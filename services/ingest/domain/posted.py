"""A posted form's fields, in either encoding that browsers and mailboxes use."""

from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from urllib.parse import parse_qsl

MAX_FIELDS = 500
Fields = list[tuple[str, str]]


class TooManyFields(ValueError):  # noqa: N818  named for the fact
    """More than any page of ours has."""


def fields_of(content_type: str, body: bytes) -> Fields:
    """Name and value of each field, in order. Raises TooManyFields, and nothing else."""
    if not content_type.lower().startswith("multipart/form-data"):
        text = body.decode("utf-8", "replace").strip()
        try:
            return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise TooManyFields(f"has more than {MAX_FIELDS} fields.") from error
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    form = BytesParser(policy=compat32).parsebytes(head + body)
    return [(name, _text(part)) for part in form.walk() if (name := _name(part))]


def _name(part: Message) -> str:
    name = part.get_param("name", header="content-disposition")
    return name if isinstance(name, str) else ""


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8", "replace").strip() if isinstance(content, bytes) else ""
