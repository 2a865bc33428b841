"""The one exception a user is meant to read."""

import sys
from typing import NoReturn


class InputError(ValueError):
    """Something the user gave is wrong; the message says which file, which row, what, and what to do."""


def refuse(error) -> NoReturn:
    """End a run while it is planned, with one line: an exception would get four lines of traceback from Snakemake."""
    sys.stderr.write(f"Error: {error}\n")
    sys.stderr.flush()
    sys.exit(1)


def refuse_if_all_bad(problems: list[str]) -> None:
    """InputError where each image has a problem, whatever the policy: nothing is left to go on with."""
    if problems and all(problems):
        raise InputError(f"{problems[0]} This is the first of {len(problems)} images; none of them can be used.")
