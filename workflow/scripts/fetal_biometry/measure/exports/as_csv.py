"""How exports write a csv."""

import pandas as pd


def as_csv(table: pd.DataFrame) -> str:
    """The table as csv, without an index, its lines ending alike on every system."""
    return table.to_csv(index=False, lineterminator="\n")
