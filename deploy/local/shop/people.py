"""Who shops here: seeded, so that person 17 of seed 7 is always the same."""

from dataclasses import dataclass
from random import Random

EURO = "EUR"

# Country, time zone, locale, currency of its shop front, share of the customers.
_COUNTRIES = (
    ("EE", "Europe/Tallinn", "et-EE", EURO, 24),
    ("FI", "Europe/Helsinki", "fi-FI", EURO, 18),
    ("DE", "Europe/Berlin", "de-DE", EURO, 20),
    ("FR", "Europe/Paris", "fr-FR", EURO, 14),
    ("PT", "Europe/Lisbon", "pt-PT", EURO, 8),
    ("SE", "Europe/Stockholm", "sv-SE", "SEK", 6),
    ("GB", "Europe/London", "en-GB", "GBP", 6),
    ("US", "America/New_York", "en-US", "USD", 4),
)
_FIRST = """
    Anna Maja Liis Sofia Emma Clara Ines Alice Freya Olga Nora Ida Mari Elsa Julia Hanna
    Jaan Mikko Lukas Hugo Tiago Oscar George Noah Karl Leo Max Jonas Otto Emil Paul Felix
"""
_LAST = """
    Tamm Saar Virtanen Korhonen Becker Wolf Moreau Laurent Silva Costa Lindberg Holm Clarke
    Wright Carter Reed Mets Kask Niemi Koch Faure Rocha Berg Shaw Hayes Sepp Laine Vogel
"""
_MAIL_DOMAINS = ("example.com", "example.org", "example.net")  # nobody's, by RFC 2606


@dataclass(frozen=True, slots=True)
class Person:
    """`user_id` is what the shop knows them by, `device` their browser's anonymous id."""

    number: int
    user_id: str
    device: str
    email: str
    first_name: str
    last_name: str
    country: str
    timezone: str
    locale: str
    currency: str


def person(seed: int, number: int, *, euro: bool = False) -> Person:
    """The person of that number; `euro`: one who pays in euros, as the starter journeys ask."""
    dice = Random(f"person {seed} {number}")
    choice = [row for row in _COUNTRIES if row[3] == EURO or not euro]
    weights = [row[4] for row in choice]
    country, timezone, locale, currency, _ = dice.choices(choice, weights)[0]
    first, last = dice.choice(_FIRST.split()), dice.choice(_LAST.split())
    return Person(
        number=number,
        user_id=f"u-{seed}-{number}",
        device=f"browser-{dice.getrandbits(48):012x}",
        email=f"{first}.{last}.{number}@{dice.choice(_MAIL_DOMAINS)}".lower(),
        first_name=first,
        last_name=last,
        country=country,
        timezone=timezone,
        locale=locale,
        currency=currency,
    )
