"""The registry's definitions as the profile core uses them."""

import structlog

from services.segmenter.domain.definitions import Definitions, of
from shared.contracts import Definition
from shared.definitions import Registry

log = structlog.get_logger()


class Published:
    """The definitions of each workspace, ready for use; read again when one was announced."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._version = -1
        self._known: dict[str, Definitions] = {}

    def all(self) -> dict[str, Definitions]:
        if self._registry.version != self._version:
            self._version = self._registry.version
            found = self._registry.all("segment") + self._journeys()
            spaces = {d.workspace for d in found} | self._known.keys()
            self._known = {w: of(d for d in found if d.workspace == w) for w in spaces}
            broken = {w: d.broken for w, d in self._known.items() if d.broken}
            if broken:
                log.error("segments that this version cannot read", segments=broken)
        return self._known

    def _journeys(self) -> list[Definition]:
        """Every version: runs stay on the one they entered by, and it asks its own questions."""
        return [
            found
            for newest in self._registry.all("journey")
            for version in range(1, newest.version + 1)
            if (found := self._registry.version_of(newest.workspace, "journey", newest.id, version))
        ]
