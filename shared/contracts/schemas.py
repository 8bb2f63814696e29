"""`python -m shared.contracts.schemas`: the JSON Schema of each topic's messages, beside the code.

For readers in other languages. A contract test compares the files with the code.
"""

from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from shared.contracts import CODECS

FOLDER = Path(__file__).with_name("schemas")


def schema_of(topic: str) -> bytes:
    """Pretty JSON with sorted keys, so that a change shows as a small difference."""
    types: Any = CODECS[topic].types
    schema = _cleaned(msgspec.json.schema(types))
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": topic, **schema}
    return msgspec.json.format(msgspec.json.encode(named, order="sorted"), indent=2) + b"\n"


def _cleaned(value: Any) -> Any:
    """Docstrings without indentation, as Python 3.13 and later keep them."""
    if isinstance(value, dict):
        return {
            k: cleandoc(v) if k == "description" and isinstance(v, str) else _cleaned(v)
            for k, v in value.items()
        }
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for topic in CODECS:
        (FOLDER / f"{topic}.json").write_bytes(schema_of(topic))


if __name__ == "__main__":
    main()
