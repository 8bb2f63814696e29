"""What a template may name: the contract between who fills templates and who writes them."""

import re
from collections.abc import Iterator

from services.sender.templates.jinja import GLOBALS, Problem
from shared.hints import did_you_mean

ANY: frozenset[str] = frozenset()
ITEM = frozenset({"name", "quantity", "price", "image_url", "url"})
ROOTS: dict[str, frozenset[str]] = {
    "contact": ANY,  # e-mail and traits, by name
    "event": ANY,  # the properties of the trigger's newest event
    "cart": frozenset({"items", "total", "currency", "url"}),
    "shop": frozenset({"name", "url", "address"}),
    "unsubscribe_url": ANY,
    "preferences_url": ANY,  # the same page: unsubscribe first, preferences below
    "confirm_url": ANY,  # of a form's double opt-in, in transactional mails
    "preheader": ANY,
    "journey": ANY,
    "step": ANY,
}
"""Each root with its fields; no fields: any, or none for what is plain text."""

_LOOP = re.compile(r"\{%[-+]?\s*for\s+(\w+)\s+in\s+cart\.items\b")


def unknown(body: str, names: set[str]) -> Iterator[Problem]:
    """Names that nobody fills, each where it is first written in `body`."""
    for name in sorted(names):
        root, _, rest = name.partition(".")
        field = rest.partition(".")[0]
        if root in GLOBALS:
            continue
        if root not in ROOTS:
            hint = did_you_mean(root, ROOTS, "known: " + ", ".join(ROOTS))
            yield Problem(_first(body, root), f"unknown variable {name!r}", hint)
        elif field and ROOTS[root] and field not in ROOTS[root]:
            hint = did_you_mean(field, ROOTS[root], "known: " + ", ".join(sorted(ROOTS[root])))
            yield Problem(_first(body, f"{root}.{field}"), f"unknown variable {name!r}", hint)
    for item in {m[1] for m in _LOOP.finditer(body)}:
        for used in re.finditer(rf"(?<![\w.'\"]){re.escape(item)}\.(\w+)", body):
            if used[1] not in ITEM:
                hint = did_you_mean(used[1], ITEM, "known: " + ", ".join(sorted(ITEM)))
                yield Problem(used.start(), f"unknown variable {used.group()!r}", hint)


def _first(body: str, name: str) -> int:
    found = re.search(rf"(?<![\w.]){re.escape(name)}\b", body)
    return found.start() if found else 0
