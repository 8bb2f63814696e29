"""Our signer and botocore's give the same headers."""

from datetime import UTC, datetime
from unittest.mock import patch

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from services.sender.adapters.signer import CONTENT_TYPE, Keys, sign

words = st.text(st.sampled_from("ABCdef019/+="), min_size=1, max_size=40)
hosts = st.sampled_from(["email.eu-west-1.amazonaws.com", "127.0.0.1:8010", "localhost:80"])
moments = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC, microsecond=0)
)


@given(
    keys=st.builds(Keys, words, words, st.one_of(st.just(""), words)),
    region=st.sampled_from(["eu-west-1", "us-east-2"]),
    host=hosts,
    path=st.sampled_from(["/v2/email/outbound-emails", "/", "/a/b-c"]),
    body=st.binary(max_size=300),
    now=moments,
)
def test_equals_botocore(
    keys: Keys, region: str, host: str, path: str, body: bytes, now: datetime
) -> None:
    scheme = "http" if ":" in host else "https"
    request = AWSRequest(
        "POST",
        f"{scheme}://{host}{path}",
        headers={"content-type": CONTENT_TYPE, "host": host},
        data=body,
    )
    credentials = Credentials(keys.access, keys.secret, keys.token or None)
    with patch("botocore.auth.get_current_datetime", return_value=now):
        botocore.auth.SigV4Auth(credentials, "ses", region).add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert sign(keys, region, host, path, body, now) == theirs
