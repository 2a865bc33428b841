"""Fetch the public HC18 archive: resume broken transfers, verify them, unpack them safely."""

import hashlib
import logging
import os
import shutil
import stat
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import requests
from requests.adapters import HTTPAdapter, Retry
from tqdm import tqdm

from fetal_biometry.errors import InputError

RECORD = "1327317"
TRAINING_FILES = ("training_set.zip", "training_set_pixel_size_and_HC.csv")
TEST_FILES = ("test_set.zip", "test_set_pixel_size.csv")
LICENCE_NOTE = f"""\
The images, annotations and tables in this folder are the HC18 data set.

Licence:  Creative Commons Attribution 4.0 International (CC BY 4.0),
          https://creativecommons.org/licenses/by/4.0/
Authors:  Thomas L. A. van den Heuvel, Dagmar de Bruijn, Chris L. de Korte, Bram van Ginneken
Source:   https://doi.org/10.5281/zenodo.{RECORD}
Cite:     van den Heuvel TLA, de Bruijn D, de Korte CL, van Ginneken B (2018). Automated measurement of
          fetal head circumference using 2D ultrasound images. PLoS ONE 13(8): e0200412.
          https://doi.org/10.1371/journal.pone.0200412
Changes:  none; the archives were unpacked.
"""

ATTEMPTS = 5  # in a row without a new byte, before a transfer is given up
BACKOFF_S = 1.0  # doubles with each of them
TIMEOUT_S = (15, 60)  # to connect, and between two pieces of a file
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class RemoteFile:
    """One file of a Zenodo record: its name, its length in bytes, ``md5:<hex>`` and where it is."""

    name: str
    size: int
    checksum: str
    url: str


def download_hc18(base_url: str, folder: Path, with_test_set: bool = False) -> None:
    """Bring HC18 into `folder`: ``training_set/*.png``, its csv, and ``HC18_LICENSE.txt``, written last.

    What is there already is not fetched again; when nothing is missing, no request is made.

    Parameters
    ----------
    base_url : str
        ``https://zenodo.org``, or a mirror with the same ``/api/records/1327317``.
    folder : Path
        Made when missing. A transfer that broke leaves a ``.part`` file here; the next call goes on from it.
    with_test_set : bool
        Fetch the unannotated test images and their pixel sizes too.

    Raises
    ------
    InputError
        When the archive can't be reached, or what came is not what the record promises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = TRAINING_FILES + (TEST_FILES if with_test_set else ())
    missing = [name for name in wanted if not (folder / name.removesuffix(".zip")).exists()]
    if missing:
        session = _session()
        record = read_record(session, base_url)
        for name in missing:
            if name not in record:
                raise InputError(f"{base_url}: Zenodo record {RECORD} has no {name}; is the address right?")
            if not (folder / name).exists():
                fetch(session, record[name], folder / name)
            if name.endswith(".zip"):
                unpack(folder / name, folder / name.removesuffix(".zip"))
                (folder / name).unlink()
    (folder / "HC18_LICENSE.txt").write_text(LICENCE_NOTE, encoding="utf-8")
    logging.info("HC18 is in %s, under CC BY 4.0 (see HC18_LICENSE.txt)", folder)


def read_record(session: requests.Session, base_url: str) -> dict[str, RemoteFile]:
    """The files of the HC18 record, by name."""
    url = f"{base_url.rstrip('/')}/api/records/{RECORD}"
    try:
        response = session.get(url, timeout=TIMEOUT_S)
        response.raise_for_status()
        files = [
            RemoteFile(entry["key"], int(entry["size"]), entry["checksum"], entry["links"]["self"])
            for entry in response.json()["files"]
        ]
        return {file.name: file for file in files}
    except requests.JSONDecodeError as error:
        raise InputError(f"{url} did not answer with a Zenodo record: {error}") from error
    except requests.RequestException as error:
        raise InputError(_unreachable(url, error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{url} did not answer with a Zenodo record: {error!r}") from error


def fetch(session: requests.Session, file: RemoteFile, target: Path) -> None:
    """Download `file` to `target`, which appears only when complete and verified.

    The bytes gather in ``<target>.part``. A connection that drops is taken up again from there, by a Range
    request, or from the start where the server knows no ranges; `ATTEMPTS` times in a row without progress.
    """
    part = target.with_name(f"{target.name}.part")
    if _bytes(part) > file.size:
        part.unlink()
    furthest, failures = _bytes(part), 0
    while _bytes(part) < file.size:
        problem = _transfer(session, file, part)
        failures = 0 if _bytes(part) > furthest else failures + 1
        furthest = max(furthest, _bytes(part))
        if _bytes(part) >= file.size:
            break
        if failures == ATTEMPTS:
            raise InputError(
                f"{file.name}: the connection broke {ATTEMPTS} times in a row ({problem}). "
                f"{_bytes(part)} of {file.size} bytes are kept in {part}; run it again to go on from there."
            )
        logging.warning("%s: %s after %d of %d bytes, going on", file.name, problem, _bytes(part), file.size)
        time.sleep(BACKOFF_S * 2**failures)

    algorithm, _, expected = file.checksum.partition(":")
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    if found != expected:
        part.unlink()
        raise InputError(
            f"{file.name}: its {algorithm} is {found}, the record says {expected}. The file was damaged "
            "on its way and has been deleted; run it again to fetch it anew."
        )
    os.replace(part, target)
    logging.info("%s: %d bytes, %s verified", file.name, file.size, algorithm)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive into `folder`, which appears whole or not at all.

    The archive may hold its files at the top or in one folder named like `folder`.

    Raises
    ------
    InputError
        When an entry has an absolute path, climbs with ``..`` or is a link, or the archive is damaged; nothing is
        unpacked then.
    """
    try:
        _unpack(archive, folder)
    except InputError:
        raise
    except Exception as error:  # zipfile raises many kinds
        raise InputError(f"{archive}: cannot be unpacked ({error}); remove it and run the download again.") from error
    logging.info("%s: unpacked into %s", archive.name, folder)


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as source:
        entries = source.infolist()
        for entry in entries:
            _refuse_unsafe(archive, entry)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            content = scratch / "content"
            content.mkdir()
            for entry in tqdm(entries, desc=f"unpacking {archive.name}", disable=None):
                source.extract(entry, content)
            inner = content / folder.name
            os.replace(inner if inner.is_dir() else content, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _session() -> requests.Session:
    """A session that knocks again, with growing pauses, when a server is busy or does not answer."""
    session = requests.Session()
    session.headers["User-Agent"] = "fetal-head-biometry"
    session.headers["Accept-Encoding"] = "identity"  # a compressed answer could not be resumed by byte
    retry = Retry(total=ATTEMPTS - 1, backoff_factor=BACKOFF_S, status_forcelist=(429, 500, 502, 503, 504))
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _transfer(session: requests.Session, file: RemoteFile, part: Path) -> str:
    """Append to `part` until the file is complete or the connection ends; returns how it ended."""
    offset = _bytes(part)
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    try:
        response = session.get(file.url, headers=headers, stream=True, timeout=TIMEOUT_S)
        response.raise_for_status()
    except requests.RequestException as error:
        raise InputError(_unreachable(file.url, error)) from error
    if response.status_code != 206:
        offset = 0
    logging.info("%s: fetching from byte %d of %d", file.name, offset, file.size)
    with (
        response,
        part.open("ab" if offset else "wb") as out,
        tqdm(total=file.size, initial=offset, desc=file.name, unit="B", unit_scale=True, disable=None) as bar,
    ):
        done, told = offset, offset * 10 // file.size
        try:
            for chunk in response.iter_content(CHUNK_BYTES):
                out.write(chunk)
                bar.update(len(chunk))
                done += len(chunk)
                if done * 10 // file.size > told:
                    told = done * 10 // file.size
                    logging.info("%s: %d %%", file.name, told * 10)
        except requests.RequestException as error:
            return f"{type(error).__name__}: {error}"
    return "the connection closed early"


def _refuse_unsafe(archive: Path, entry: zipfile.ZipInfo) -> None:
    path, mode = entry.filename, entry.external_attr >> 16
    if (
        PurePosixPath(path).is_absolute()
        or PureWindowsPath(path).anchor
        or ".." in PureWindowsPath(path).parts  # which splits at both kinds of slash
        or (stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR))
    ):
        raise InputError(
            f"{archive}: refused, as its entry {path!r} would leave the folder or is a link. "
            "This is not the published archive; delete it and check the address it came from."
        )


def _unreachable(url: str, error: Exception) -> str:
    return (
        f"{url} can't be read: {error}. Check the network (HTTPS_PROXY is respected) and run it again, "
        f"or fetch the files by hand from https://doi.org/10.5281/zenodo.{RECORD} and unpack them there."
    )


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
