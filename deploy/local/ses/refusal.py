"""SES's errors: the name is what boto3 makes its exception class of."""


class Refusal(Exception):  # noqa: N818  (SES refuses; it is no fault of the endpoint)
    """An answer that is not 2xx: HTTP status, error type, message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def bad_request(message: str) -> Refusal:
    return Refusal(400, "BadRequestException", message)


def rejected(message: str) -> Refusal:
    return Refusal(400, "MessageRejected", message)


def not_found(message: str) -> Refusal:
    return Refusal(404, "NotFoundException", message)


def too_many(message: str) -> Refusal:
    return Refusal(429, "TooManyRequestsException", message)


def limit_exceeded(message: str) -> Refusal:
    return Refusal(400, "LimitExceededException", message)


def forbidden(kind: str, message: str) -> Refusal:
    return Refusal(403, kind, message)


def internal_failure() -> Refusal:
    return Refusal(500, "InternalFailure", "The request processing has failed: unknown error.")
