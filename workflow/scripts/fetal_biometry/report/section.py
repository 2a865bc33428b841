"""What a section of a report is, and what sections are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from fetal_biometry.report.drawing import Chart
from fetal_biometry.report.page_tables import Table
from fetal_biometry.report.wording import percent

if TYPE_CHECKING:
    from fetal_biometry.report.report import ReportInputs


@dataclass(frozen=True)
class Section:
    """A part of the page: text, figures and tables, or a template of its own in ``sections/``; folded or not."""

    id: str
    title: str
    text: str = ""
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    template: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Run:
    """A run's inputs, its `measured_rows` and, of these, the judged test images."""

    inputs: ReportInputs
    rows: pd.DataFrame
    judged: pd.DataFrame

    @property
    def metrics(self) -> dict:
        """The contents of metrics.json."""
        return self.inputs.metrics

    @property
    def unit(self) -> str:
        """The unit of errors."""
        return self.metrics["unit"]

    @property
    def level(self) -> str:
        """The level of intervals."""
        return percent(self.metrics["model"]["interval_level"])

    @property
    def test(self) -> dict:
        """Figures of the test images by group; empty where none has a valid label."""
        return self.metrics["splits"].get("test", {})
