"""How mailboxes answer: Amazon's simulator addresses, and seeded bounces for all others.

What happens depends on who is written to and what, never on the order of calls, so that two
runs of one seed agree whatever was killed in between.
"""

from dataclasses import dataclass
from hashlib import blake2b

SIMULATOR = "simulator.amazonses.com"

DELIVERED = "delivered"
HARD = "hard_bounce"
SOFT = "soft_bounce"
DELAYED = "delayed"
COMPLAINED = "complained"
AWAY = "out_of_office"
SUPPRESSED = "suppressed"
REJECTED = "rejected"

_simulated = {
    "success": DELIVERED,
    "bounce": HARD,
    "complaint": COMPLAINED,
    "ooto": AWAY,
    "suppressionlist": SUPPRESSED,
}


@dataclass(frozen=True)
class Mailboxes:
    """Shares of addresses (hard) and of mails (soft, delayed, complaints), 0 to 1."""

    seed: int = 1
    hard_bounces: float = 0.0
    soft_bounces: float = 0.0
    delays: float = 0.0
    complaints: float = 0.0

    def outcome(self, address: str, message_key: str) -> str:
        """What becomes of a mail; `message_key` is the same whenever this mail is sent."""
        local, _, domain = address.lower().rpartition("@")
        if domain == SIMULATOR:
            return _simulated.get(local.partition("+")[0], HARD)
        if share(self.seed, "hard", address.lower()) < self.hard_bounces:
            return HARD
        drawn = share(self.seed, "mail", address.lower(), message_key)
        for outcome, part in (
            (SOFT, self.soft_bounces),
            (DELAYED, self.delays),
            (COMPLAINED, self.complaints),
        ):
            if drawn < part:
                return outcome
            drawn -= part
        return DELIVERED


def share(seed: int, *of: str) -> float:
    """A number from 0 to 1 that is always the same for the same words."""
    digest = blake2b("\0".join((str(seed), *of)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
