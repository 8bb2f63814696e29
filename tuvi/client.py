"""How the command line talks to the services: HTTP with a bearer key, problems told in words."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from shared.contracts.codec import decode_plain
from shared.settings import PORTS
from tuvi.visible import visible_lines

CONTEXT = Path(os.environ.get("TUVI_CONTEXT", ".tuvi/context.json"))  # written by `tuvi up`
TIMEOUT = 30.0
FAULTY = (400, 409, 413, 422)
NO_KEY = "no key: run this in the folder where `make up` runs, or give --key or TUVI_KEY"
START = "start it with `make up`; if it runs, then do this in its folder"
NOT_URLS = "TUVI_URLS: write orchestrator=http://127.0.0.1:8003,segmenter=…"


class CommandError(Exception):
    """Told to the user as it stands; exit code 1."""


class RefusedError(CommandError):
    """What was sent is at fault, so that something else may well be taken."""


@dataclass(frozen=True, slots=True)
class Client:
    """`host` is `http://127.0.0.1`-like: each service is on its own port, or `urls` says where.

    `key` may be missing until something is asked.
    """

    host: str
    key: str
    urls: dict[str, str]

    def request(
        self, service: str, method: str, path: str, body: bytes | None = None, **query: str
    ) -> Any:
        """The decoded answer. Raises CommandError with the problem's detail."""
        base = self.urls.get(service, f"{self.host}:{PORTS[service]}")
        if not self.key:
            self._reach(service, base)
            raise CommandError(NO_KEY)
        found = {name: value for name, value in query.items() if value}
        url = base + path + (f"?{urlencode(found)}" if found else "")
        kind = "json" if body and body.startswith(b"{") else "yaml"
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": f"application/{kind}"}
        request = Request(url, data=body, method=method, headers=headers)  # noqa: S310  user's URL
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return decode_plain(answer.read() or b"null")
        except HTTPError as error:
            fault = RefusedError if error.code in FAULTY else CommandError
            raise fault(_told(error)) from error
        except (URLError, OSError) as error:
            raise _silent(service, base) from error

    def _reach(self, service: str, base: str) -> None:
        """Raises CommandError if nothing answers there: then a key would be of no use."""
        try:
            urlopen(base + "/healthz", timeout=TIMEOUT).close()  # noqa: S310  user's URL
        except HTTPError:
            return
        except (URLError, OSError) as error:
            raise _silent(service, base) from error


def _silent(service: str, base: str) -> CommandError:
    where = "or say where it is: --url or TUVI_URL"
    return CommandError(f"{service} does not answer at {base}: {START}, {where}")


def _told(error: HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        problem = json.loads(text)
    except ValueError:
        return visible_lines(f"{error.code}: {text[:500]}")
    lines = [str(problem.get("detail") or problem.get("title") or problem)]
    lines += [str(problem[name]) for name in ("hint",) if problem.get(name)]
    for said, hint in map(_entry, problem.get("errors", [])):
        if said not in lines[0]:  # the first is often the detail itself
            lines.append(f"  {said}{hint}")
    return visible_lines("\n".join(lines))


def _entry(entry: Any) -> tuple[str, str]:
    """`line 3: what is wrong` and `; what was meant`, as far as the service said it."""
    if not isinstance(entry, dict):
        return str(entry), ""
    file, line = entry.get("file"), entry.get("line")
    place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
    place = place or (f"line {line}: " if line else "")
    hint = f"; {entry['hint']}" if entry.get("hint") else ""
    return f"{place}{entry.get('message') or entry}", hint


def context() -> dict[str, Any]:
    """What a running `tuvi up` has written about itself in this folder; empty without one."""
    found: dict[str, Any] = json.loads(CONTEXT.read_text()) if CONTEXT.exists() else {}
    return found


def from_environment(url: str, key: str) -> Client:
    """Flags, else TUVI_URL, TUVI_URLS and TUVI_KEY, else the context of a running `tuvi up`."""
    known = context()
    host = (url or os.environ.get("TUVI_URL", "")).rstrip("/")
    given = {} if url else _urls(os.environ.get("TUVI_URLS", ""))
    return Client(
        _without_port(host or "http://127.0.0.1"),
        key or os.environ.get("TUVI_KEY", "") or known.get("key", ""),
        given or ({} if host else known.get("urls", {})),
    )


def _without_port(host: str) -> str:
    try:
        parts = urlsplit(host)
        port = parts.port
    except ValueError as error:
        raise CommandError(f"{host} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandError(f"{host} is no URL: write http://127.0.0.1")
    if port is not None:
        raise CommandError(
            f"{host} has a port, and each service has its own ({_ports()}): leave it out, "
            "or say where each service is with TUVI_URLS"
        )
    return host


def _urls(text: str) -> dict[str, str]:
    """`segmenter=http://…,sender=http://…`."""
    urls: dict[str, str] = {}
    for pair in filter(None, text.split(",")):
        service, given, url = pair.strip().partition("=")
        if not given or service not in PORTS:
            raise CommandError(f"{NOT_URLS}; not {pair.strip()!r}")
        urls[service] = url.rstrip("/")
    return urls


def _ports() -> str:
    return ", ".join(f"{service} {port}" for service, port in PORTS.items())
