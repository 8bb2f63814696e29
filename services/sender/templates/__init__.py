"""Mail templates: compiled once when published, rendered per contact in worker processes.

source = read_templates(Path("starter/templates"))[0]
async with RenderPool(workers=1) as pool:
    template = await publish(source, pool)
    [mail] = await pool.render([RenderJob(template, data)])
"""

from services.sender.templates.compile import compile_template
from services.sender.templates.model import (
    CompiledTemplate,
    Rendered,
    RenderFailure,
    RenderJob,
    TemplateError,
    TemplateSource,
)
from services.sender.templates.pool import RenderPool
from services.sender.templates.publish import check_templates, publish
from services.sender.templates.source import read_templates

__all__ = [
    "CompiledTemplate",
    "RenderFailure",
    "RenderJob",
    "RenderPool",
    "Rendered",
    "TemplateError",
    "TemplateSource",
    "check_templates",
    "compile_template",
    "publish",
    "read_templates",
]
