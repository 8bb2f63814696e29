"""The journeys of a workspace, as they are at one moment, found by what may concern them."""

from collections.abc import Collection, Iterable, Mapping

from services.orchestrator.domain.keys import Fields
from services.orchestrator.domain.model import Journey
from services.orchestrator.domain.state import Run


class Journeys:
    """`newest`: the running and paused ones, by which contacts enter. `pinned`: older versions,
    and archived ones that may be finished. `paused`: ids. `archived`: with which version each
    was. A journey that is in none of them is not known yet, or cannot be read. Immutable.
    """

    def __init__(
        self,
        newest: Iterable[Journey] = (),
        pinned: Iterable[Journey] = (),
        paused: Collection[str] = (),
        archived: Mapping[str, int] | None = None,
    ) -> None:
        self._newest = {journey.id: journey for journey in sorted(newest, key=lambda j: j.id)}
        self._versions = {(journey.id, journey.version): journey for journey in pinned}
        self._versions |= {(j.id, j.version): j for j in self._newest.values()}
        self._paused, self._archived = frozenset(paused), dict(archived or {})
        self._by_event: dict[str, list[Journey]] = {}
        self._by_segment: dict[str, list[Journey]] = {}
        for journey in self._newest.values():
            for event in journey.trigger.events:
                self._by_event.setdefault(event, []).append(journey)
            if journey.trigger.segment:
                self._by_segment.setdefault(journey.trigger.segment, []).append(journey)
        every = tuple(self._versions[name] for name in sorted(self._versions))
        self._every = every
        self._ended_by: dict[str, list[tuple[Journey, int]]] = {}
        for journey in every:
            for number, rule in enumerate(journey.exit_when):
                self._ended_by.setdefault(rule.event, []).append((journey, number))
        self.key_fields: tuple[Fields, ...] = tuple(
            sorted({j.trigger.key for j in every if len(j.trigger.key) > 1})
        )

    def every(self) -> Iterable[Journey]:
        """All versions, in a fixed order."""
        return self._every

    def started_by_event(self, name: str) -> Iterable[Journey]:
        return self._by_event.get(name, ())

    def started_by_segment(self, name: str) -> Iterable[Journey]:
        return self._by_segment.get(name, ())

    def ended_by(self, name: str) -> Iterable[tuple[Journey, int]]:
        """Each version with an exit rule for this event, and the rule's number."""
        return self._ended_by.get(name, ())

    def newest_of_all(self) -> Iterable[Journey]:
        """By which contacts enter, in a fixed order."""
        return self._newest.values()

    def newest(self, journey: str) -> Journey | None:
        return self._newest.get(journey)

    def of(self, run: Run) -> Journey | None:
        """The version the run is on; None if it is no longer there."""
        return self._versions.get((run.journey, run.version))

    def paused(self, journey: str) -> bool:
        return journey in self._paused

    def archived(self, journey: str, version: int = 0) -> bool:
        """Not so a version after the one it was archived with: that is news still on its way."""
        return journey in self._archived and version <= self._archived[journey]

    def unknown(self, journey: str, version: int | None = None) -> bool:
        """Whether the version (None: the newest) may be known here one day, and is not now."""
        if version is None:
            return journey not in self._newest and not self.archived(journey)
        return (journey, version) not in self._versions and not self.archived(journey, version)

    def why_held(self, journey: str, version: int) -> str:
        """Why no step is taken on this version now; empty if one may, or if it is archived."""
        if journey in self._paused:
            return "journey_paused"
        if self.unknown(journey) or self.unknown(journey, version):
            return "version_unknown"
        return ""

    def in_force(self) -> list[tuple[str, int]]:
        """(journey, version) of all that can be read and are not held."""
        return [(j.id, j.version) for j in self._every if not self.why_held(j.id, j.version)]
