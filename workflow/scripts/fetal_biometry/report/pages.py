"""Pages for readers: complete in themselves, and equal inputs give equal bytes."""

import base64
import hashlib
import json
import math
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from fetal_biometry.job import atomic_path
from fetal_biometry.report.wording import count, duration, many, number, percent, signed, sort_key, span
from fetal_biometry.terms import COLUMNS


def fill_template(name: str, **values) -> str:
    """The text of a template beside this module, filled; every value of an HTML page is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (many, number, signed, percent, count, duration, sort_key, span, compact, csp_source, points_text)
    environment.filters |= {function.__name__: function for function in filters}
    return environment.get_template(name).render(**values)


def write_page(text: str, path) -> None:
    """Write a page whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def compact(html: str) -> Markup:
    """The markup without blanks before tags: many rows of a table have more of them than of anything else."""
    return Markup(re.sub(r"\n\s*(?=<)", "\n", html))


def csp_source(script: str) -> str:
    """The Content-Security-Policy source that allows exactly this inline script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def points_text(row: dict, prefix: str = "") -> str:
    """A row's landmarks as eight numbers for a page's script; empty where there are none.

    Labels and second heads, by the prefix of their columns, are only drawn.
    """
    values, digits = [row[f"{prefix}{column}"] for column in COLUMNS], 1 if prefix else 2
    return " ".join(f"{value:.{digits}f}" for value in values) if all(map(math.isfinite, values)) else ""


def flatten(settings: dict, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted key, value) pairs in their own order."""
    pairs = []
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            pairs += flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            pairs.append((f"{prefix}{key}", text))
    return pairs
