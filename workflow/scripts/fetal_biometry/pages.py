"""Self-contained HTML pages: nothing in one is read from elsewhere, and equal inputs give equal bytes."""

import base64
import hashlib
from pathlib import Path

import jinja2

from fetal_biometry.wording import count, duration, factor, number, percent, signed, sort_key, span


def fill_template(name: str, **values) -> str:
    """A page from the template of that name beside this module; every value is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        signed=signed,
        percent=percent,
        count=count,
        duration=duration,
        factor=factor,
        sort_key=sort_key,
        span=span,
        csp=csp_source,
    )
    return environment.get_template(name).render(**values)


def csp_source(script: str) -> str:
    """The Content-Security-Policy source that allows exactly this inline script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
