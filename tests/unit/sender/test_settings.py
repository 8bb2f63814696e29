"""What the defaults promise."""

import pytest

from services.sender.adapters.ses import CONNECT_SECONDS
from services.sender.dispatcher import SOCKET_SECONDS
from services.sender.settings import SenderSettings

KEY = "a key of sixteen signs"


def test_no_marketing_mail_goes_out_more_than_five_seconds_after_an_unsubscribe() -> None:
    limit = SenderSettings(token_keys=KEY).feed_limit
    assert limit + SOCKET_SECONDS + CONNECT_SECONDS <= 5


def test_the_grace_is_longer_than_aws_takes_a_signature() -> None:
    assert SenderSettings(token_keys=KEY).grace >= 15 * 60 > 5 * 60


def test_a_lease_outlasts_a_call() -> None:
    settings = SenderSettings(token_keys=KEY)
    assert settings.lease > SOCKET_SECONDS + settings.ses_timeout


def test_a_key_that_protects_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="TUVI_TOKEN_KEYS"):
        SenderSettings(token_keys="short")
