"""The answers' shapes for OpenAPI; what is sent is made of `domain.report`'s own structs."""

from datetime import datetime

from pydantic import BaseModel


class Rate(BaseModel):
    value: float | None
    numerator: int
    denominator: int


class Engagement(BaseModel):
    raw: int
    human: int
    machine: int
    total: int


class Bounced(BaseModel):
    hard: int
    soft: int
    undetermined: int


class Figures(BaseModel):
    reached: int
    sent: int
    skipped: dict[str, int]
    failed: int
    delivered: int
    opened: Engagement
    clicked: Engagement
    bounced: Bounced
    complained: int
    unsubscribed: int
    converted: int
    orders: int
    revenue: dict[str, str]
    revenue_refunded: dict[str, str]
    rates: dict[str, Rate]


class Step(Figures):
    step: str
    variant: str
    kind: str


class Journey(BaseModel):
    journey: str
    entered: int
    refused: dict[str, int]
    exited: dict[str, int]
    goals: int
    revenue: dict[str, str]
    totals: Figures
    steps: list[Step]


class Period(BaseModel):
    since: datetime | None
    until: datetime | None


class Journeys(BaseModel):
    workspace: str
    generated_at: datetime
    period: Period
    journeys: list[Journey]


class Overview(BaseModel):
    workspace: str
    generated_at: datetime
    period: Period
    events: int
    contacts: int
    runs: int
    goals: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int
    orders: int
    unsubscribed: int
    revenue: dict[str, str]
    revenue_refunded: dict[str, str]
