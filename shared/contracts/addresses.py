"""What an e-mail address is: `name@example.com`, and nothing around it. The one place that says it.

Consent, suppressions and identity hang on the address, so only what has one spelling a mailbox is
one: no names beside it (`Carl <carl@example.com>`), no lists, no quoted or non-ASCII local parts
(Amazon SES takes neither), no domain that becomes another one on its way (`straße.example`, which
IDNA 2003 would send to `strasse.example`).
"""

import re
import unicodedata

LONGEST = 254  # RFC 5321, the domain in punycode

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")
_LETTERS = frozenset("LMN")  # Unicode's letters, marks (Hindi's vowels, for one) and numbers


def address(given: object) -> str:
    """The address, trimmed, its domain in lower case; empty if it is none.

    The case of the local part is the mail server's business.
    """
    if not isinstance(given, str):
        return ""
    local, _, domain = given.strip().rpartition("@")
    domain = domain.lower()
    return f"{local}@{domain}" if _plain(local, domain) else ""


def mailbox(given: str) -> str:
    """One for all spellings of an address: lower case, punycode; empty if it is none."""
    local, _, domain = address(given).rpartition("@")
    return f"{local.lower()}@{_punycode(domain)}" if domain else ""


def _plain(local: str, domain: str) -> bool:
    written = _punycode(domain) if not domain.isascii() else domain
    whole = f"{local}@{written}"
    return len(whole) <= LONGEST and _PLAIN.fullmatch(whole) is not None


def _punycode(domain: str) -> str:
    """Empty if it cannot be written so, or would then be read as another."""
    if domain.isascii():
        return domain
    if len(domain) > LONGEST or any(_strange(letter) for letter in domain):
        return ""
    try:
        written = domain.encode("idna")
        return written.decode() if written.decode("idna") == domain else ""
    except UnicodeError:
        return ""


def _strange(letter: str) -> bool:
    return not letter.isascii() and unicodedata.category(letter)[0] not in _LETTERS
