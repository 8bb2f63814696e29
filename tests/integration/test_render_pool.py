"""Mails in real worker processes: hostile ones cost themselves only, and the pool goes on."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from services.sender.templates.model import (
    CompiledTemplate,
    Rendered,
    RenderFailure,
    RenderJob,
    TemplateError,
    TemplateSource,
)
from services.sender.templates.pool import PoolError, RenderPool
from services.sender.templates.publish import publish
from services.sender.templates.source import read_templates

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "starter" / "templates"


def template(html: str, name: str = "mail") -> CompiledTemplate:
    return CompiledTemplate(id=name, digest=html, subject="Hi", preheader="", html=html, text="")


def mail(number: int) -> RenderJob:
    return RenderJob(template("<b>{{ event.n }}</b>"), {"event": {"n": number}})


DOUBLING = "{% set s = 'xxxxxxxx' %}" + "{% set s = s ~ s %}" * 60 + "{{ s }}"
HOSTILE = {
    "a long list": "{{ [1] * 100000000 }}",
    "doubling": DOUBLING,
    "a long text": "{{ 'a' * 10000000000 }}",
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a great join": "{{ ([('a' * 1000000)] * 100000) | join('') }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a deep expression": "{{ " + "-" * 200_000 + "1 }}",
    "no template": "{% if %}",
    "nothing there": "{{ contact.nobody }}",
}


@pytest.fixture
async def pool() -> AsyncIterator[RenderPool]:
    async with RenderPool(workers=1, seconds=0.3) as made:
        yield made


async def test_results_come_in_the_order_of_the_jobs(pool: RenderPool) -> None:
    results = await pool.render([mail(n) for n in range(300)])
    assert results == [Rendered("Hi", f"<b>{n}</b>", "\n") for n in range(300)]
    assert await pool.render([]) == []


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_mail_costs_only_itself(pool: RenderPool, name: str) -> None:
    bad = RenderJob(template(HOSTILE[name]), {})
    results = await pool.render([mail(0), bad, mail(2), mail(3)])
    assert isinstance(results[1], RenderFailure)
    assert results[1].reason == "template_error"
    del results[1]
    assert results == [Rendered("Hi", f"<b>{n}</b>", "\n") for n in (0, 2, 3)]
    assert await pool.render([mail(4)]) == [Rendered("Hi", "<b>4</b>", "\n")]


async def test_data_that_is_no_json_fails_alone(pool: RenderPool) -> None:
    bad = RenderJob(template("x"), {"event": object()})
    results = await pool.render([bad, mail(1)])
    assert [type(result) for result in results] == [RenderFailure, Rendered]


async def test_a_worker_killed_from_outside_costs_no_mail(pool: RenderPool) -> None:
    [worker] = pool._alive
    rendering = asyncio.create_task(pool.render([mail(n) for n in range(500)]))
    await asyncio.sleep(0)
    os.kill(worker.process.pid, signal.SIGKILL)
    assert [type(result) for result in await rendering] == [Rendered] * 500


async def test_a_worker_that_stands_still_is_replaced() -> None:
    async with RenderPool(silence=0.3) as pool:
        [worker] = pool._alive
        os.kill(worker.process.pid, signal.SIGSTOP)
        assert await pool.render([mail(1)]) == [Rendered("Hi", "<b>1</b>", "\n")]


async def test_a_cancelled_render_leaves_no_answers_for_the_next(pool: RenderPool) -> None:
    task = asyncio.create_task(pool.render([mail(n) for n in range(2000)]))
    await pool.render([mail(1)])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pool.render([mail(7)]) == [Rendered("Hi", "<b>7</b>", "\n")]


async def test_many_callers_and_workers_at_once() -> None:
    async with RenderPool(workers=2) as pool:
        calls = [pool.render([mail(100 * call + n) for n in range(100)]) for call in range(10)]
        for call, results in enumerate(await asyncio.gather(*calls)):
            assert results == [Rendered("Hi", f"<b>{100 * call + n}</b>", "\n") for n in range(100)]


async def test_a_pool_that_cannot_start_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PoolError, match="did not start"):
        async with RenderPool(memory=1):
            pass
    assert "memory" in capfd.readouterr().err


async def test_more_templates_than_a_worker_keeps(pool: RenderPool) -> None:
    jobs = [RenderJob(template(f"{n}"), {}) for n in range(450)]
    for _ in range(2):
        assert [r.html for r in await pool.render(jobs) if isinstance(r, Rendered)] == [
            str(n) for n in range(450)
        ]


async def _render_one() -> list[Rendered | RenderFailure]:
    async with RenderPool() as pool:
        return await pool.render([mail(1)])


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_it_works_on_any_loop_beside_threads(
    run: Callable[[Coroutine[Any, Any, list[Rendered | RenderFailure]]], Any],
) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert run(_render_one()) == [Rendered("Hi", "<b>1</b>", "\n")]
    finally:
        stop.set()
        thread.join()


PARENT = """
import asyncio
from services.sender.templates.pool import RenderPool
async def main():
    async with RenderPool(workers=2) as pool:
        print(*(worker.process.pid for worker in pool._alive), flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def _alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def test_workers_end_when_their_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(_alive(pid) for pid in pids)
    parent.kill()
    await parent.communicate()
    async with asyncio.timeout(10):
        while any(_alive(pid) for pid in pids):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("source", read_templates(STARTER), ids=lambda source: source.id)
async def test_a_starter_template_can_be_sent_to_everybody(
    starter_pool: RenderPool, source: TemplateSource
) -> None:
    made = await publish(source, starter_pool)
    data = made.sample | {"contact": {"email": "x@example.com", "first_name": "<script>&"}}
    [result] = await starter_pool.render([RenderJob(made, data)])
    assert isinstance(result, Rendered)
    assert "<script" not in result.html
    link = f"https://mail.fjord.example/{'confirm' if made.transactional else 'u'}/sample"
    assert link in result.html
    assert link in result.text
    for word in ("{{", "{%", "None", "tuvitag"):
        assert word not in result.html + result.text + result.subject


@pytest.fixture(scope="module")
async def starter_pool() -> AsyncIterator[RenderPool]:
    async with RenderPool() as made:
        yield made


async def test_publishing_refuses_what_fails_for_a_contact_of_whom_nothing_is_known(
    starter_pool: RenderPool,
) -> None:
    [source] = [s for s in read_templates(STARTER) if s.id == "welcome"]
    text = source.text.replace('{{ contact.first_name | default("there") }}', "{{ contact.city }}")
    source = TemplateSource(
        id="welcome",
        text=text.replace("description:", "sample: {contact: {city: Tartu}}\ndescription:"),
        partials=source.partials,
        sample=source.sample,
    )
    with pytest.raises(TemplateError) as caught:
        await publish(source, starter_pool)
    line = 1 + text.count("\n", 0, text.index("contact.city")) + 1
    assert caught.value.line == line
    assert "only an e-mail" in caught.value.message
    assert "contact.city" in caught.value.message
    assert "default" in caught.value.hint


async def test_a_worker_renders_hundreds_of_whole_mails_a_second(starter_pool: RenderPool) -> None:
    """A floor that a busy machine reaches; the figure is printed (see docs/templates.md)."""
    [source] = [s for s in read_templates(STARTER) if s.id == "cart-reminder"]
    made = await publish(source, starter_pool)
    jobs = [RenderJob(made, made.sample)] * 1000
    began = time.perf_counter()
    await starter_pool.render(jobs)
    rate = len(jobs) / (time.perf_counter() - began)
    print(f"{rate:,.0f} cart reminders a second in one worker")  # noqa: T201 - it is the point
    assert rate > 200
