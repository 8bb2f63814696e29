"""From journey files: which step is the last, and which events end a run. Read as YAML alone."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def walks(folder: Path) -> dict[str, Any]:
    """Journey to `{"last": step, "exits": [event names]}`, of the marketing files of a folder.

    Transactional ones answer what the demo's people do not do: sign up by a form.
    """
    documents = [YAML(typ="safe", pure=True).load(file) for file in sorted(folder.glob("*.yaml"))]
    return {
        document["journey"]: {
            "last": document["steps"][-1]["id"],
            "exits": [rule["event"] for rule in document.get("exit_when", ())],
        }
        for document in documents
        if not document.get("transactional")
    }
