"""Which identities a call gives, and which of them may be trusted."""

import re
from typing import Literal, NamedTuple

from msgspec.structs import replace

from shared.contracts import Event
from shared.contracts.addresses import address
from shared.contracts.keys import contact_id
from shared.contracts.wire import BadCall, Call, Plain

from .consent import AGREES

IdentityKind = Literal["user", "email", "anonymous"]
STRENGTH: dict[str, int] = {"user": 3, "email": 2, "anonymous": 1}

# What broken front ends send in place of an id. One such value shared by strangers would make
# them one contact, so it counts only when the call gives nothing better.
_NO_ID = re.compile(
    r"[0\-\s]*|-1|null|undefined|none|nil|nan|true|false|n/a|anonymous|guest|unknown"
    r"|\[object object\]",
    re.IGNORECASE,
)

_NEVER = frozenset({"email", "email_frequency"})  # traits that no public call sets


class Identity(NamedTuple):
    """One way to know somebody. `value` of an e-mail address is casefolded."""

    workspace: str
    kind: str
    value: str

    @property
    def id(self) -> str:
        """The id of the contact that is first known by it; also the key of its row."""
        return contact_id(self.workspace, self.kind, self.value)


class Given(NamedTuple):
    """The identities of one call, strongest first, at least one.

    `before`: only for an alias call, what its `previousId` may mean; a userId among them is the
    shop's word that both users are one. `public`: anybody can have said it, so it joins nobody's
    address and no two users.
    """

    identities: tuple[Identity, ...]
    before: tuple[Identity, ...] = ()
    public: bool = False


def given_by(workspace: str, call: Call, event: Event, *, public: bool = False) -> Given:
    """By a call and what `normalised` made of it. Raises BadCall when it names nobody.

    Whoever looks at a page can claim any userId in a public call, and so gives it no address.
    """
    said = [
        ("user", _text("userId", call.user_id)),
        ("email", event.context.get("email", "").casefold()),
        ("anonymous", _text("anonymousId", call.anonymous_id)),
    ]
    named = [Identity(workspace, kind, value) for kind, value in said if value]
    if not named:
        raise BadCall("userId, anonymousId, email", "all are missing; give one of them")
    before = _before(workspace, call) if call.type == "alias" else ()
    found = tuple(filter(trusted, named)) or tuple(named[:1])
    if public:
        before = tuple(i for i in before if i.kind == "anonymous")
        if found[0].kind == "user":
            found = tuple(i for i in found if i.kind != "email")
    return Given(found, before, public)


def believed(workspace: str, event: Event, contact: str) -> Event:
    """What is believed of an event that is this contact's if a public call is true.

    It brings nobody an address, unless the contact is known by that alone, no subscription, and
    no word on how often mail is wanted; a refusal counts whoever says it.
    """
    context = dict(event.context)
    email = context.get("email", "")
    if not email or Identity(workspace, "email", email.casefold()).id != contact:
        context.pop("email", None)
    if isinstance(context.get("traits"), dict):
        context["traits"] = _doubted(context["traits"])
    return replace(event, context=context, traits=_doubted(event.traits))


def _doubted(traits: Plain) -> Plain:
    found = {name: value for name, value in traits.items() if name not in _NEVER}
    asked = found.get("consent")
    if isinstance(asked, dict):
        found["consent"] = {t: said for t, said in asked.items() if not _subscribes(said)}
    return found


def _subscribes(said: object) -> bool:
    return isinstance(said, dict) and said.get("state") in AGREES


def trusted(identity: Identity) -> bool:
    """False for values that strangers share."""
    return _NO_ID.fullmatch(identity.value) is None


def _before(workspace: str, call: Call) -> tuple[Identity, ...]:
    """A previousId does not say what it is, so it stands for all that it may be.

    Only a userId makes the shop's word weigh, so without one it is not taken for a user.
    """
    value = _text("previousId", call.previous_id)
    kinds = ["user"] if call.user_id is not None else []
    kinds += ["email"] if address(value) else []
    kinds += ["anonymous"]
    meant = [Identity(workspace, kind, tidy(kind, value)) for kind in kinds if value]
    return tuple(filter(trusted, meant))


def tidy(kind: str, value: str) -> str:
    """The value as it is looked up."""
    return value.strip().casefold() if kind == "email" else value


def _text(field: str, value: str | int | None) -> str:
    text = "" if value is None else str(value)
    if "\x00" in text:
        raise BadCall(field, "contains NUL; leave it out")
    return text if text.strip() else ""
