"""The condition language of segments, triggers, audiences and branches; pure. See docs."""

from .aggregates import AggregateState, Occurrence, fold, merge, states
from .errors import ConditionError
from .evaluating import Answer, Evaluator, Facts, bucket, compiled, evaluate
from .matching import matches
from .parsing import parse, parse_where
from .tree import Aggregate, Condition, Where, needs, segments
from .values import duration

__all__ = [
    "Aggregate",
    "AggregateState",
    "Answer",
    "Condition",
    "ConditionError",
    "Evaluator",
    "Facts",
    "Occurrence",
    "Where",
    "bucket",
    "compiled",
    "duration",
    "evaluate",
    "fold",
    "matches",
    "merge",
    "needs",
    "parse",
    "parse_where",
    "segments",
    "states",
]
