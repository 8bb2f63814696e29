"""A posted form's fields, in either encoding that browsers and mailboxes use."""

from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header

MAX_FIELDS = 500
Fields = list[tuple[str, str]]


class TooManyFields(ValueError):  # noqa: N818  named for the fact
    """More than any page of ours has."""

    def __init__(self) -> None:
        super().__init__(f"has more than {MAX_FIELDS} fields.")


def fields_of(content_type: str, body: bytes) -> Fields:
    """Name and value of each field, in order. Raises TooManyFields, and nothing else."""
    if content_type.lower().startswith("multipart/form-data"):
        return _parts(content_type, body)
    text = body.decode("utf-8", "replace").strip()
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise TooManyFields from error


def _parts(content_type: str, body: bytes) -> Fields:
    """By RFC 7578: a part is a field or a file, which no page of ours has, and has no parts.

    python-multipart's own reader would write a warning for each post that it cannot read.
    """
    boundary = _options(content_type.encode("latin-1", "replace")).get(b"boundary")
    if not boundary:
        return []
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(parts) > MAX_FIELDS + 1:  # the last is the end
        raise TooManyFields
    read = [part.partition(b"\r\n\r\n") for part in parts]
    return [(name, _text(content)) for head, _, content in read if (name := _name(head))]


def _name(head: bytes) -> str:
    """Of a field; empty for all else."""
    for line in head.split(b"\r\n"):
        header, _, value = line.partition(b":")
        if header.strip().lower() == b"content-disposition":
            options = _options(value)
            return "" if b"filename" in options else _text(options.get(b"name", b""))
    return ""


def _options(header: bytes) -> dict[bytes, bytes]:
    return parse_options_header(header)[1]


def _text(written: bytes) -> str:
    return written.decode("utf-8", "replace").strip()
