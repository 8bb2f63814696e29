"""The registry's journeys as reports want them: which there are, and their steps."""

from services.metrics.domain.journey_shape import Shape, shape
from shared.definitions import Registry


class Journeys:
    """Follows the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @property
    def ready(self) -> bool:
        return self._registry.ready.is_set()

    async def known(self) -> None:
        """Until the definitions have been read."""
        await self._registry.ready.wait()

    def running(self) -> dict[tuple[str, str], Shape]:
        """By (workspace, id); paused ones too, for those inside are still counted."""
        return {
            (definition.workspace, definition.id): shape(definition)
            for definition in self._registry.all("journey")
            if definition.status in ("running", "paused")
        }

    def of(self, workspace: str) -> dict[str, Shape]:
        """Those that mail or have mailed, by id; drafts are not among them."""
        return {
            definition.id: shape(definition)
            for definition in self._registry.all("journey", workspace)
            if definition.status != "draft"
        }
