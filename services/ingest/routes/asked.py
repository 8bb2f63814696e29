"""What the pages behind links are asked with, and answer: the same for all of them."""

from typing import Annotated, Any

from fastapi import Header, Query

Asked = Annotated[str, Query(alias="lang", description="`de`: the page in this language")]
Accepted = Annotated[str, Header(alias="accept-language")]
PAGE: dict[str, Any] = {"content": {"text/html": {"schema": {"type": "string"}}}}
LOST: dict[int | str, dict[str, Any]] = {404: {"description": "No link of ours", **PAGE}}
