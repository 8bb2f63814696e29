"""The answers' shapes for OpenAPI, made of the structs that are sent."""

from functools import cache
from types import GenericAlias
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from pydantic import BaseModel, create_model

from services.metrics.domain import report


@cache  # one model a struct, under one name
def model_of(struct: type[msgspec.Struct]) -> type[BaseModel]:
    """The same fields, all of them required."""
    hints = get_type_hints(struct)
    fields: dict[str, Any] = {name: (_shape(hints[name]), ...) for name in struct.__struct_fields__}
    return create_model(struct.__name__, __doc__=struct.__doc__, **fields)


def _shape(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return model_of(hint)
    origin = get_origin(hint)
    if origin in (list, tuple, dict):
        return GenericAlias(origin, tuple(_shape(part) for part in get_args(hint)))
    return hint


Journey = model_of(report.JourneyReport)
Journeys = model_of(report.Report)
Overview = model_of(report.Overview)
