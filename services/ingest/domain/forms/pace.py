"""How often one address may post one form: a burst, then one at a time. Bounded memory."""

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address

MOST_KNOWN = 20_000  # the longest unseen are forgotten; about 4 MB


class Pace:
    """`burst` at once, then one more each `every` seconds (generic cell rate)."""

    def __init__(self, burst: int, every: float, most: int = MOST_KNOWN) -> None:
        self._burst, self._every, self._most = burst, every, most
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, who: Hashable, now: float) -> float:
        """0: it may, and is counted. Else the seconds until it may. `now`: monotonic seconds."""
        ahead = max(self._full_at.get(who, now), now) + self._every
        late = ahead - now - self._burst * self._every
        if late > 0:
            return late
        self._full_at[who] = ahead
        self._full_at.move_to_end(who)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return 0.0


def neighbourhood(host: str) -> str:
    """Whom to count as one: an IPv4 address, or the /64 that a household has of IPv6."""
    try:
        found = ip_address(host.strip("[] ").partition("%")[0])
    except ValueError:
        return host[:100]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else found.exploded[:19]
    return str(found)


def client_of(peer: str, forwarded: str, proxies: int) -> str:
    """The address that the outermost of our `proxies` saw; without proxies nobody is believed.

    `forwarded` is X-Forwarded-For, to whose end each proxy adds whom it was asked by.
    """
    named = [one.strip() for one in forwarded.split(",") if one.strip()]
    return named[-proxies] if 0 < proxies <= len(named) else peer
