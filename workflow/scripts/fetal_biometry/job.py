"""What every script of the workflow does around its work: log file, threads, errors a person can read."""

import json
import logging
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from fetal_biometry.errors import InputError


@contextmanager
def start(snakemake):
    """Run a rule's work with logging to the rule's log file.

    A traceback of an unexpected error goes into the log file; an `InputError` is printed as its message
    alone. Both end the process with exit status 1, so that Snakemake stops.
    """
    log_file = logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8")
    log_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[log_file], force=True)
    logging.captureWarnings(True)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(f"\n{snakemake.rule} was interrupted\n")
    except InputError as error:
        logging.error("%s", error)
        sys.exit(f"\nError in {snakemake.rule}: {error}\n")
    except Exception as error:
        logging.exception("%s failed", snakemake.rule)
        sys.exit(
            f"\n{snakemake.rule} failed: {type(error).__name__}: {error}\nThe traceback is in {snakemake.log[0]}\n"
        )


@contextmanager
def atomic_path(path, writer: str = "part"):
    """A temporary path beside `path` that takes its place, whole, when the block ends without an error.

    Leftovers of an interrupted run are overwritten. Where several processes may write `path` at a time, each names
    itself as another ``writer``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{writer}{path.suffix}")
    temporary.unlink(missing_ok=True)
    temporary.touch()
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path):
    """What `write_json` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(value, path) -> None:
    """Write plain numbers, texts, lists and dicts, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n")


class Progress:
    """How far long work is: a bar on a terminal, else a line now and then with the time left.

    Parameters
    ----------
    name : str
    total, done : int
        Steps of the work, and how many an earlier attempt did.
    """

    _EVERY_S = 20.0

    def __init__(self, name: str, total: int, done: int = 0):
        self.name, self.total, self.done, self.first = name, total, done, done
        self.started = self.told = time.monotonic()
        self.bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm  # few jobs show a bar

            self.bar = tqdm(total=total, initial=done, desc=name, unit="epoch")

    def step(self, note: str) -> None:
        """One step more; ``note`` says what it gave."""
        self.done += 1
        if self.bar:
            self.bar.set_postfix_str(note)
            self.bar.update()
            return
        now = time.monotonic()
        if now - self.told >= self._EVERY_S:
            self.told = now
            left = (now - self.started) / (self.done - self.first) * (self.total - self.done)
            print(
                f"{self.name}: {self.done} of {self.total}, {note}, {_duration(left)} left", file=sys.stderr, flush=True
            )

    def close(self) -> None:
        if self.bar:
            self.bar.close()


def _duration(seconds: float) -> str:
    """Examples
    --------
    >>> _duration(42), _duration(100)
    ('42 s', '1 min 40 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
