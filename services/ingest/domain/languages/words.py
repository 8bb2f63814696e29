"""What the pages behind links in mails say, and what forms say by themselves. All keys are needed.

`{topic}` and `{topics}` are put in as HTML; nothing else in a text is a place to fill in.
"""

from typing import NamedTuple


class PreferenceWords(NamedTuple):
    """The page at /u: unsubscribe, and what else somebody may choose. `…_all`: no topic named."""

    title: str
    leave_title: str
    leave: str
    leave_all: str
    leave_button: str
    leave_all_button: str
    left_title: str
    left: str
    left_all: str
    close: str
    back: str
    choose: str
    topics: str
    often: str
    normal: str
    less: str
    less_hint: str
    language: str
    keep_language: str
    save: str
    nothing: str
    nothing_hint: str
    saved: str
    unchanged: str
    away: str
    unknown_title: str
    unknown: str
    failed_title: str
    failed: str
    page_language: str


class ConfirmWords(NamedTuple):
    """The page at /confirm: double opt-in. `old`: the link was good for 30 days."""

    title: str
    text: str
    button: str
    not_you: str
    done_title: str
    done: str
    old_title: str
    old: str


class FormWords(NamedTuple):
    """What a form says by itself; what a shop writes stands in the form's file."""

    button: str
    optional: str
    faulty: str
    trap: str
    missing: str
    no_address: str
    no_date: str
    too_long: str
    no_text: str
    agree: str
    elsewhere: str
    thanks_title: str
    thanks: str
    look_into_mail: str
    not_now_title: str
    no_form_title: str
    no_form: str
    too_often: str
    not_kept: str


class Language(NamedTuple):
    """`code` for `<html lang>`, `name` in the language itself."""

    code: str
    name: str
    preferences: PreferenceWords
    confirm: ConfirmWords
    form: FormWords
    direction: str = "ltr"
