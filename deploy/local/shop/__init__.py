"""A synthetic shop: seeded people who browse, cart, leave, buy, open, click and unsubscribe.

It talks to Tuvi as any shop does, over HTTP, keeps a log of its own, and checks Tuvi's numbers
against it. It imports nothing of `services` or `shared` (a lint test holds this), because a check
that shares code with what it checks shares its mistakes.
"""
