"""Keys and ids. Ids are hashes of facts, so a crash, a replay or a restore makes the same ones."""

from hashlib import blake2b


def _hash(kind: str, *parts: str) -> str:
    digest = blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()
    return f"{kind}_{digest}"


def identity_key(workspace: str, kind: str, value: str) -> str:
    """Key of store-events: `kind` is user, email or anonymous, the strongest that was given."""
    return f"{workspace}:{kind}:{value}"


def contact_key(workspace: str, contact: str) -> str:
    """Key of all contact-keyed topics."""
    return f"{workspace}:{contact}"


def product_key(workspace: str, product: str) -> str:
    """Key of ProductChanged, in store-events and identified-events alike."""
    return f"{workspace}:product:{product}"


def item_key(workspace: str, item: str) -> str:
    """Key of what concerns an inventory item: StockChanged, ItemLinked."""
    return f"{workspace}:item:{item}"


def contact_id(workspace: str, kind: str, value: str) -> str:
    """The id of the contact first known by this identity."""
    return _hash("c", workspace, kind, value)


def run_id(workspace: str, journey: str, contact: str, key: str) -> str:
    """One contact's way through one journey; `key` is the trigger's key or its messageId."""
    return _hash("r", workspace, journey, contact, key)


def message_id(run: str, step: str) -> str:
    """One run, one step, one e-mail (promise 3)."""
    return _hash("m", run, step)
