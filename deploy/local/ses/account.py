"""The account: its quota, its rate, its standing. Enforced in wall time, as Amazon does."""

from collections import deque
from collections.abc import Callable
from time import monotonic

import msgspec

from deploy.local.ses.refusal import Refusal, limit_exceeded, rejected, too_many

DAY_S = 86_400
SLOT_S = 60


class Standing(msgspec.Struct, forbid_unknown_fields=True):
    """What an operator may change while it runs. A quota of -1 is unlimited."""

    quota: float = 1_000_000
    rate: float = 200
    sending_enabled: bool = True
    enforcement_status: str = "HEALTHY"
    production_access: bool = True


class Account:
    """Recipients are what counts. `timer` gives seconds (monotonic wall time)."""

    def __init__(self, standing: Standing, timer: Callable[[], float] = monotonic) -> None:
        self._timer = timer
        self._slots: deque[tuple[int, int]] = deque()
        self._in_slots = 0
        self.set(standing)

    def set(self, standing: Standing) -> None:
        self.standing = standing
        self._tokens = max(standing.rate, 1.0)
        self._filled_at = self._timer()

    def sent_last_day(self) -> int:
        oldest = int(self._timer() - DAY_S) // SLOT_S
        while self._slots and self._slots[0][0] <= oldest:
            self._in_slots -= self._slots.popleft()[1]
        return self._in_slots

    def admit(self, recipients: int) -> None:
        """Refusal if the account may not send now. What is admitted still has to be counted."""
        standing = self.standing
        if standing.enforcement_status == "SHUTDOWN":
            raise Refusal(400, "AccountSuspendedException", "Account is suspended.")
        if not standing.sending_enabled:
            raise Refusal(400, "SendingPausedException", "Sending is paused for this account.")
        if 0 <= standing.quota < self.sent_last_day() + recipients:
            raise limit_exceeded("Daily message quota exceeded.")
        # One call may overdraw the bucket, and then all wait: so Amazon counts several recipients.
        if self._fill() < 1:
            raise too_many("Maximum sending rate exceeded.")
        self._tokens -= recipients

    def count(self, recipients: int, ago_s: float = 0.0) -> None:
        """Accepted `ago_s` seconds ago (in the order of time); older than a day counts nothing."""
        if ago_s >= DAY_S:
            return
        slot = int(self._timer() - ago_s) // SLOT_S
        if self._slots and self._slots[-1][0] == slot:
            recipients_before = self._slots.pop()[1]
        else:
            recipients_before = 0
        self._slots.append((slot, recipients_before + recipients))
        self._in_slots += recipients

    def _fill(self) -> float:
        now = self._timer()
        rate = self.standing.rate
        self._tokens = min(self._tokens + (now - self._filled_at) * rate, max(rate, 1.0))
        self._filled_at = now
        return self._tokens

    def description(self) -> dict[str, object]:
        """GetAccount's answer."""
        standing = self.standing
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": standing.enforcement_status,
            "ProductionAccessEnabled": standing.production_access,
            "SendingEnabled": standing.sending_enabled
            and standing.enforcement_status != "SHUTDOWN",
            "SendQuota": {
                "Max24HourSend": standing.quota,
                "MaxSendRate": standing.rate,
                "SentLast24Hours": self.sent_last_day(),
            },
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }


def check_identity(address: str, verified: frozenset[str], region: str) -> None:
    """Refusal unless the address or its domain is verified; an empty set verifies everybody."""
    if not verified or {address.lower(), address.lower().rpartition("@")[2]} & verified:
        return
    raise rejected(
        "Email address is not verified. The following identities failed the check in region "
        f"{region.upper()}: {address}"
    )
