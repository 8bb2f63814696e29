"""Money and dates as the reader's country writes them."""

import datetime as dt
import functools
import zoneinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, get_currency_symbol, is_currency


class FormatError(ValueError):
    """What cannot be written as money or a date. Says why without the value."""


@functools.lru_cache(maxsize=256)
def locale_of(contact: str, template: str) -> str:
    """The contact's locale if it is of the template's language, or else the template's.

    An English mail to a Swede says "25 March", not "25 mars".
    """
    own = _parse(template) or Locale("en")
    reader = _parse(contact)
    return str(reader if reader and reader.language == own.language else own)


def _parse(name: str) -> Locale | None:
    try:
        return Locale.parse(name.replace("-", "_")[:20])
    except (ValueError, UnknownLocaleError, TypeError):
        return None


def money(value: Any, currency: Any, locale: str) -> str:
    """An amount (number or numeric text) with its ISO currency, `€49.00`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise FormatError("money: the amount is missing or is no number")
    if not isinstance(currency, str):
        raise FormatError("money: the currency is missing; write `| money(cart.currency)`")
    return _money(str(value), currency.upper(), locale)


@functools.lru_cache(maxsize=4096)
def _money(value: str, currency: str, locale: str) -> str:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise FormatError("money: the amount is no number") from None
    if not amount.is_finite() or abs(amount.adjusted()) > 20:  # noqa: PLR2004 - no price is
        raise FormatError("money: the amount is no price")
    if not is_currency(currency):
        raise FormatError("money: the currency is not one of ISO 4217")
    text = format_currency(amount, currency, locale=locale)
    symbol = get_currency_symbol(currency, locale=locale)
    if symbol[-1:].isalpha() and text.startswith(symbol) and text[len(symbol)].isdigit():
        return f"{symbol}\xa0{text[len(symbol) :]}"  # "SEK 99.00": CLDR's rule, which babel lacks
    return text


def date(value: Any, style: Any, locale: str, timezone: str) -> str:
    """A date or a time (ISO 8601 text) as `25 March 2026`; instants in the reader's zone.

    `style` is short, medium, long, full, `time`, `datetime`, or a CLDR pattern such as `d MMMM`.
    """
    if not isinstance(value, str) or not isinstance(style, str):
        raise FormatError("date: the date is missing, or its style is no text")
    return _date(value, style, locale, timezone)


@functools.lru_cache(maxsize=4096)
def _date(value: str, style: str, locale: str, timezone: str) -> str:
    if len(style) > 40:  # noqa: PLR2004 - a pattern, not a text
        raise FormatError("date: the pattern is too long")
    try:
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            moment = moment.astimezone(_zone(timezone)).replace(tzinfo=None)
        if style == "time":
            return format_time(moment.time(), "short", locale=locale)
        if style == "datetime":
            return format_datetime(moment, "medium", locale=locale)
        return format_date(moment.date(), style, locale=locale)
    except (ValueError, OverflowError, LookupError, AttributeError):
        raise FormatError("date: not an ISO 8601 date, or an unknown pattern") from None


@functools.lru_cache(maxsize=256)
def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return dt.UTC
