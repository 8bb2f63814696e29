"""Whom a form's page lets frame it and where it lets itself be led: origins, and nothing else."""

import msgspec
import pytest

from services.ingest import form_page
from services.ingest.domain.forms import Form
from tests.unit.ingest.forms import newsletter


def policy(form: Form) -> dict[str, list[str]]:
    """By directive."""
    told = form_page.page(form, "default", form_page.Shown()).headers["content-security-policy"]
    return {name: values for name, *values in (part.split() for part in told.split(";"))}


def test_its_origins_and_that_of_its_redirect() -> None:
    form = newsletter(redirect="https://Other.Example:8443/thanks?a=b#c")
    led_to = ["'self'", "https://shop.example", "https://other.example:8443"]
    assert policy(form)["form-action"] == policy(form)["frame-ancestors"] == led_to


@pytest.mark.parametrize(
    "odd",
    [
        "https://a.example;script-src'unsafe-inline'",
        "https://a.example *",
        "https://[::1",
        "*",
        "x",
    ],
)
def test_what_is_no_origin_is_left_out_whoever_wrote_the_definition(odd: str) -> None:
    form = msgspec.structs.replace(newsletter(origins=None), redirect=odd, origins=(odd,))
    found = policy(form)
    assert set(found) == set(policy(newsletter()))
    assert found["form-action"] == found["frame-ancestors"] == ["'self'"]
