"""What a fact is called, and whether it is one."""

from services.ingest.domain.shops.values import (
    GONE,
    SOURCE,
    Value,
    as_text,
    at,
    constant,
    first,
)
from shared.contracts.wire import Plain


def fact(name: str, *parts: Value) -> Value:
    """`order-completed/723`: a fact's own name, told by however many deliveries."""

    def read(payload: Plain) -> str | None:
        found = [part(payload) for part in parts]
        return None if None in found else "/".join([name, *map(str, found)])

    return read


def identifier(path: str) -> Value:
    """An id; 0 is none."""
    return lambda payload: found if (found := as_text(at(payload, path))) != "0" else None


def product_id(path: str) -> Value:
    """A product's id, behind the source's `product_id_prefix`. 0 is none."""
    ours = identifier(path)

    def read(payload: Plain) -> str | None:
        found = ours(payload)
        prefix = as_text(at(payload, f"{SOURCE}.product_id_prefix")) or ""
        return f"{prefix}{found}" if found else None

    return read


def is_one_of(path: str, *names: str) -> Value:
    """Is it one of these words or numbers?"""
    return lambda payload: as_text(at(payload, path)) in names


def or_gone(value: Value) -> Value:
    """A product is told whole: what it does not have, it has no more."""
    return first(value, constant(GONE))


def unless(condition: Value, then: Value) -> Value:
    """`then`, if the condition is not there or false."""
    return lambda payload: None if condition(payload) else then(payload)
