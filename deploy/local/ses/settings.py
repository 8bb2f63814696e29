"""The settings: one field each, and so one command-line flag each."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec

from deploy.local.ses.account import Standing
from deploy.local.ses.faults import FaultPlan
from deploy.local.ses.recipients import Mailboxes

Help = msgspec.Meta


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds are wall seconds; shares and rates of bounces are 0 to 1."""

    home: Annotated[str, Help(description="folder of the record, the key and the certificate")]
    host: Annotated[str, Help(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Help(description="0 takes a free one")] = 8010
    public_url: Annotated[
        str, Help(description="how receivers reach this endpoint; empty: http://host:port")
    ] = ""
    access_key: Annotated[str, Help(description="AWS access key id that is accepted")] = "test"
    secret_key: Annotated[str, Help(description="its secret")] = "test"  # noqa: S105 (laptop only)
    region: Annotated[str, Help(description="region in ARNs")] = "eu-west-1"
    account_id: Annotated[str, Help(description="account in ARNs")] = "000000000000"
    topic: Annotated[str, Help(description="name of the SNS topic")] = "tuvi-ses"
    configuration_set: Annotated[
        list[str], Help(description="a set that exists (repeatable); none given: any name does")
    ] = []
    identity: Annotated[
        list[str], Help(description="verified domain or address (repeatable); none given: all")
    ] = []
    subscribe: Annotated[list[str], Help(description="URL that gets events (repeatable)")] = []
    rate: Annotated[float, Help(description="MaxSendRate, recipients a second")] = 200.0
    quota: Annotated[float, Help(description="Max24HourSend; -1 is unlimited")] = 1_000_000.0
    sandbox: Annotated[bool, Help(description="no production access yet")] = False
    seed: Annotated[int, Help(description="of faults, bounces, repeats and reordering")] = 1
    fault: Annotated[
        list[str], Help(description="NAME=PROBABILITY (repeatable), see faults.py for the names")
    ] = []
    fault_next: Annotated[
        list[str], Help(description="NAME=COUNT: the next calls (repeatable)")
    ] = []
    hang: Annotated[float, Help(description="how long hang_after hangs, seconds")] = 300.0
    delivery_delay: Annotated[
        float, Help(description="seconds between one event of a mail and the next")
    ] = 0.3
    hard_bounces: Annotated[float, Help(description="share of addresses that do not exist")] = 0.0
    soft_bounces: Annotated[float, Help(description="share of mails")] = 0.0
    delays: Annotated[float, Help(description="share of mails with a DeliveryDelay first")] = 0.0
    complaints: Annotated[float, Help(description="share of mails")] = 0.0
    signature_version: Annotated[
        Literal["1", "2"], Help(description="SNS signature: 1 (SHA1) or 2 (SHA256)")
    ] = "2"
    repeats: Annotated[float, Help(description="share of notifications posted twice")] = 0.0
    reordering: Annotated[float, Help(description="share of notifications held back")] = 0.0
    held: Annotated[float, Help(description="how long those are held back at most, s")] = 2.0
    posts: Annotated[int, Help(description="notifications posted at the same time")] = 8
    keep: Annotated[int, Help(description="messages the inbox remembers")] = 100_000
    clock_origin_wall: Annotated[str, Help(description="ISO 8601; empty: now")] = ""
    clock_origin_business: Annotated[str, Help(description="ISO 8601; empty: the wall's")] = ""
    clock_speed: Annotated[float, Help(description="business seconds a wall second")] = 1.0

    def folder(self) -> Path:
        return Path(self.home)

    def mailboxes(self) -> Mailboxes:
        return Mailboxes(
            self.seed, self.hard_bounces, self.soft_bounces, self.delays, self.complaints
        )

    def standing(self) -> Standing:
        return Standing(quota=self.quota, rate=self.rate, production_access=not self.sandbox)

    def fault_plan(self) -> FaultPlan:
        rates = {name: float(value) for name, value in map(_pair, self.fault)}
        counts = {name: int(value) for name, value in map(_pair, self.fault_next)}
        return FaultPlan(seed=self.seed, rates=rates, next=counts)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r}: write NAME=VALUE, for example error_after=0.01")
    return name, value


def parse(arguments: list[str]) -> Settings:
    """Flags are the fields with dashes; argparse prints the errors."""
    parser = ArgumentParser(prog="python -m deploy.local.ses", description=__doc__)
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        kind, meta = get_args(hints[field.name])
        flag = "--" + field.name.replace("_", "-")
        text = meta.description
        if kind is bool:
            parser.add_argument(flag, action="store_true", help=text)
        elif kind == list[str]:
            parser.add_argument(flag, action="append", default=[], help=text)
        elif choices := (get_args(kind) or None):
            parser.add_argument(flag, choices=choices, default=field.default, help=text)
        elif field.required:
            parser.add_argument(flag, type=kind, required=True, help=text)
        else:
            parser.add_argument(
                flag, type=kind, default=field.default, help=f"{text} (%(default)s)"
            )
    return Settings(**vars(parser.parse_args(arguments)))
