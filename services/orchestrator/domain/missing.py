"""What a journey rests on and is not there, said when it is published.

Warnings, not errors: templates, segments and journeys may be published in any order.
"""

from collections.abc import Collection, Mapping

from services.orchestrator.domain.model import Journey, SendStep
from services.orchestrator.domain.windows import length
from shared.hints import did_you_mean

NO_TOPIC = "marketing"  # what a template has that names none


def missing(journey: Journey, templates: Mapping[str, str], segments: Collection[str]) -> list[str]:
    """In plain words; `templates` are the published ones, with the topic each was written for."""
    found: list[str] = []
    for node in journey.nodes.values():
        if not isinstance(node, SendStep):
            continue
        if node.quiet_hours and length(node.quiet_hours) >= journey.policy.expires_after:
            found.append(
                f"step {node.step}: quiet hours last longer than the mail is good for"
                " (policy.expires_after): who gets here in the evening is skipped"
            )
        topic = templates.get(node.template)
        if topic is None:
            hint = did_you_mean(node.template, templates, "publish it before anybody gets here")
            found.append(f"step {node.step}: no template '{node.template}' is published; {hint}")
        elif topic not in (NO_TOPIC, journey.topic) and not journey.transactional:
            found.append(
                f"step {node.step}: template '{node.template}' is written for topic '{topic}',"
                f" the journey asks for consent to '{journey.topic}'"
            )
    for name in sorted(journey.segments() - set(segments)):
        hint = did_you_mean(name, segments, "publish it, or nobody will be in it")
        found.append(f"no segment '{name}' is published; {hint}")
    return found
