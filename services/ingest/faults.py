"""A fault of ours in the log: what and where; its text may carry what a shop sent."""

import traceback


def fault(error: Exception) -> dict[str, str]:
    *_, place = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": f"{place.name}:{place.lineno}"}
