"""Human or machine? Pure; used by profile, and by metrics to recompute."""

from .context import MessageContext, Signal
from .verdict import HIDDEN_MARK, Verdict, verdict

__all__ = ["HIDDEN_MARK", "MessageContext", "Signal", "Verdict", "verdict"]
