"""The registry's journeys as the core wants them: each version compiled once."""

import structlog

from services.orchestrator.domain import Journey, JourneyError, Journeys, parse_journey
from shared.contracts import Definition
from shared.definitions import Registry

log = structlog.get_logger()


class Compiled:
    """Follows the registry; cheap to ask for every message."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen = -1
        self._by_workspace: dict[str, Journeys] = {}
        self._parsed: dict[tuple[str, str, int], Journey | None] = {}

    def of(self, workspace: str) -> Journeys:
        """The workspace's journeys by the definitions taken so far."""
        if self._registry.version != self._seen:
            self._seen, self._by_workspace = self._registry.version, {}
        if workspace not in self._by_workspace:
            self._by_workspace[workspace] = self._gather(workspace)
        return self._by_workspace[workspace]

    def in_force(self) -> list[tuple[str, str, int]]:
        """(workspace, journey, version) of all on which runs may go on."""
        workspaces = sorted({d.workspace for d in self._registry.all("journey")})
        return [
            (workspace, *known)
            for workspace in workspaces
            for known in self.of(workspace).in_force()
        ]

    def _gather(self, workspace: str) -> Journeys:
        newest: list[Journey] = []
        pinned: list[Journey] = []
        paused: set[str] = set()
        archived: dict[str, int] = {}
        for definition in self._registry.all("journey", workspace):
            versions = self._versions(definition)
            parsed = [self._parse(version) for version in versions]
            pinned += [journey for journey in parsed if journey is not None]
            published = [d for d in versions if d.status != "draft"]
            if not published:
                continue
            if published[-1].status == "archived":
                archived[definition.id] = published[-1].version
                continue
            journey = self._parse(published[-1])
            if journey is not None:
                newest.append(journey)
            if published[-1].status == "paused":
                paused.add(definition.id)
        return Journeys(newest, pinned, paused, archived)

    def _versions(self, newest: Definition) -> list[Definition]:
        """Oldest first."""
        known = [
            self._registry.version_of(newest.workspace, "journey", newest.id, version)
            for version in range(1, newest.version + 1)
        ]
        return [definition for definition in known if definition is not None]

    def _parse(self, definition: Definition) -> Journey | None:
        """None for what this version of Tuvi cannot read: that journey is held, others go on."""
        key = (definition.workspace, definition.id, definition.version)
        if key not in self._parsed:
            try:
                self._parsed[key] = parse_journey(definition.body, version=definition.version)
            except JourneyError as error:
                log.warning(
                    "journey cannot be read, its runs are held",
                    workspace=definition.workspace,
                    journey=definition.id,
                    version=definition.version,
                    reason=str(error),
                )
                self._parsed[key] = None
        return self._parsed[key]
