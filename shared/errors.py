"""Errors that more than one part of Tuvi must tell apart."""


class OwnershipLost(Exception):  # noqa: N818  named for the fact
    """Somebody else owns the partition now; nothing of this batch was kept."""


class StageStopped(Exception):  # noqa: N818  named for the fact
    """The consumer must not go on (unknown type, lost position, too many dead letters)."""


class Problem(Exception):  # noqa: N818  RFC 9457's word
    """A refusal with its HTTP status; becomes `application/problem+json` at the edge."""

    def __init__(self, status: int, title: str, detail: str = "", **more: object) -> None:
        super().__init__(detail or title)
        self.status, self.title, self.detail, self.more = status, title, detail, more
