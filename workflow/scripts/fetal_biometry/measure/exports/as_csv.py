"""How exports write a csv."""

import pandas as pd


def as_csv(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    """The rows as csv, without an index, its lines ending alike on every system.

    ``convention`` stands beside them where the lengths of ``table``, which they are of, are a site's.
    """
    said = table[["convention"]] if "convention" in table else table[[]]
    return rows.join(said).to_csv(index=False, lineterminator="\n")
