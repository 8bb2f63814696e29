"""Forms: the file that a shop writes, what a visitor posts, the events that come of it; pure."""

from .events import SUBMITTED, events_of
from .file import TRAP, Form, FormField, parse_form
from .origins import origin_of
from .pace import Pace, client_of, neighbourhood
from .post import CAMPAIGN, Fault, Submission, clean, ignored, is_trapped, read_post, submission

__all__ = [
    "CAMPAIGN",
    "SUBMITTED",
    "TRAP",
    "Fault",
    "Form",
    "FormField",
    "Pace",
    "Submission",
    "clean",
    "client_of",
    "events_of",
    "ignored",
    "is_trapped",
    "neighbourhood",
    "origin_of",
    "parse_form",
    "read_post",
    "submission",
]
