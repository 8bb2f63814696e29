"""AWS's Signature Version 4 for the one hot call; a property test holds it to botocore's."""

import hashlib
import hmac
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

SERVICE = "ses"
CONTENT_TYPE = "application/json"


class Keys(NamedTuple):
    """Credentials as botocore's chain found them; `token` only with temporary ones."""

    access: str
    secret: str
    token: str = ""


def sign(
    keys: Keys, region: str, host: str, path: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The headers of a POST, signed. AWS takes them for five minutes from `now` (wall) on."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": CONTENT_TYPE, "host": host, "x-amz-date": stamp}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/{SERVICE}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = _hmac(_day_key(keys.secret, stamp[:8], region), text).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _day_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, SERVICE, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
