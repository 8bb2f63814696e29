"""Publishing: compiled, then tried out on the sample and on a contact of whom nothing is known."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from services.sender.templates.compile import MAX_HTML, compile_template
from services.sender.templates.model import (
    CompiledTemplate,
    RenderFailure,
    RenderJob,
    TemplateError,
    TemplateSource,
)
from services.sender.templates.pool import RenderPool
from services.sender.templates.source import page, read_templates

_SHOP = {"name": "Shop", "url": "https://shop.example", "address": "1 Street, Town"}


def minimal_sample(template: CompiledTemplate) -> dict[str, Any]:
    """What is always there: an e-mail, the workspace's shop, where the mail belongs."""
    data: dict[str, Any] = {
        "contact": {"email": "someone@example.com"},
        "shop": _SHOP,
        "journey": "journey",
        "step": "step",
    }
    if template.transactional:
        data["confirm_url"] = "https://shop.example/confirm/token"
    else:
        data["unsubscribe_url"] = data["preferences_url"] = "https://shop.example/u/token"
    return data


async def publish(source: TemplateSource, pool: RenderPool) -> CompiledTemplate:
    """The compiled template. Raises TemplateError if it cannot be sent to everybody."""
    template = compile_template(source)
    samples = {"the sample": template.sample, "a contact with only an e-mail": None}
    jobs = [
        RenderJob(template, minimal_sample(template) | (sample or {}))
        for sample in samples.values()
    ]
    for name, result in zip(samples, await pool.render(jobs), strict=True):
        if isinstance(result, RenderFailure):
            raise _placed(source, name, result.detail)
        if (size := len(result.html.encode())) > MAX_HTML:
            message = f"{size:,} bytes of HTML for {name}, over {MAX_HTML:,}"
            raise TemplateError(template.id, 0, message, "Gmail cuts longer mails off")
    return template


async def check_templates(paths: Iterable[Path]) -> list[tuple[Path, list[str]]]:
    """Files and folders as they would be published: each template's file and its faults."""
    checked: list[tuple[Path, list[str]]] = []
    async with RenderPool() as pool:
        for path in paths:
            folder = path if path.is_dir() else path.parent
            try:
                sources = read_templates(path)
            except TemplateError as error:  # of what they have in common
                checked.append((path, _faults(folder, error)))
                continue
            for source in sources:
                file = folder / f"{source.id}.mjml"
                try:
                    await publish(source, pool)
                except TemplateError as error:
                    checked.append((file, _faults(folder, error)))
                else:
                    checked.append((file, []))
    return checked


def _faults(folder: Path, error: TemplateError) -> list[str]:
    return [f"{folder / one.file}{str(one).removeprefix(one.file)}" for one in error.all]


def _placed(source: TemplateSource, name: str, detail: str) -> TemplateError:
    """The failure where its expression is first written."""
    made = page(source)
    part, _, what = detail.partition(":")
    hint = "write `| default(…)` or `{% if … is defined %}` around it"
    found = re.search(r"`(.+)`$", what)
    message = f"cannot be rendered for {name}: {what.partition(':')[2].strip() or what}"
    if part in ("subject", "preheader"):
        return TemplateError(source.id, made.field_line(part), message, hint)
    at = made.body.find(found[1]) if found else -1
    return made.error(max(at, 0), message, hint)
