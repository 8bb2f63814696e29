"""`python -m deploy.local.ses --home DIR`: the endpoint of SES on a laptop."""

import sys

import structlog

from deploy.local.ses.clock import line_clock, parse_instant
from deploy.local.ses.endpoint import Endpoint
from deploy.local.ses.server import serve
from deploy.local.ses.settings import parse


def main() -> int:
    """0 after a clean stop; 1 with the reason if it cannot start."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings = parse(sys.argv[1:])
    try:
        origins = [
            parse_instant(text, flag) if text else None
            for flag, text in (
                ("--clock-origin-wall", settings.clock_origin_wall),
                ("--clock-origin-business", settings.clock_origin_business),
            )
        ]
        clock = line_clock(origins[0], origins[1], settings.clock_speed)
        serve(Endpoint(settings, clock))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: port {settings.port} (--port): {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
