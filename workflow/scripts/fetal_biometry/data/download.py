"""Fetch a public archive: resume broken transfers, verify them, unpack them safely."""

import hashlib
import logging
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter, Retry
from tqdm import tqdm

from fetal_biometry.data.archives import UNPACKED, Archive
from fetal_biometry.data.plane_index import INDEX, write_index
from fetal_biometry.errors import InputError

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


def download(archive: Archive, base_url: str, folder: Path) -> None:
    """Bring an archive into `folder`, and its licence, which is written last.

    Of an archive of planes ``images/`` and ``index.csv`` stay, of others the files as they are.
    What is there already is not fetched again; when nothing is missing, no request is made.

    Parameters
    ----------
    archive : Archive
    base_url : str
        ``https://zenodo.org``, or a mirror with the same ``/api/records/<number>``.
    folder : Path
        Made when missing. A transfer that broke leaves a ``.part`` file here; the next call goes on from it.

    Raises
    ------
    InputError
        When the archive can't be reached, or what came is not what the record promises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if archive.planes is None:
        _bring_files(archive, base_url, folder)
    elif not (folder / INDEX).exists():
        _bring_files(archive, base_url, folder)
        write_index(archive.planes, folder / UNPACKED, folder)
    (folder / archive.licence_file).write_text(archive.licence_note, encoding="utf-8")
    logging.info("%s is in %s, under CC BY 4.0 (see %s)", archive.title, folder, archive.licence_file)


def _bring_files(archive: Archive, base_url: str, folder: Path) -> None:
    missing = {name: folder / target for name, target in archive.files.items() if not (folder / target).exists()}
    unfetched = [name for name in missing if not (folder / name).exists()]
    if unfetched:
        session = _session()
        record = read_record(session, base_url, archive.record)
        for name in unfetched:
            if name not in record:
                raise InputError(f"{base_url}: Zenodo record {archive.record} has no {name}; correct download_url.")
            fetch(session, record[name], folder / name)
    for name, target in missing.items():
        if target.name != name:
            unpack(folder / name, target)
            (folder / name).unlink()


def read_record(session: requests.Session, base_url: str, number: str) -> dict[str, RemoteFile]:
    """The files of a Zenodo record, by name."""
    url = f"{base_url.rstrip('/')}/api/records/{number}"
    try:
        response = session.get(url, timeout=TIMEOUT_S)
        response.raise_for_status()
        files = [
            RemoteFile(entry["key"], int(entry["size"]), entry["checksum"], entry["links"]["self"])
            for entry in response.json()["files"]
        ]
        return {file.name: file for file in files}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{url} did not answer with a Zenodo record: {error!r}") from error
    except requests.RequestException as error:
        raise InputError(_unreachable(url, error)) from error


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
    """Unpack a .zip or .tar.xz archive into `folder`, which appears whole or not at all; nothing is put outside of it.

    The archive may hold its files at the top or in one folder named like `folder`.

    Raises
    ------
    InputError
        When the archive is damaged; of a tar archive also when an entry climbs out of the folder or links there.
    """
    only_data = {} if archive.suffix == ".zip" else {"filter": "data"}  # of a zip archive such entries are left out
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        content = Path(scratch) / "content"
        content.mkdir()
        try:
            shutil.unpack_archive(archive, content, **only_data)
        except Exception as error:  # zipfile and tarfile raise many kinds
            raise InputError(
                f"{archive}: cannot be unpacked ({error}); remove it and run the download again."
            ) from error
        inner = content / folder.name
        os.replace(inner if inner.is_dir() else content, folder)
    logging.info("%s: unpacked into %s", archive.name, folder)


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
        try:
            for chunk in response.iter_content(CHUNK_BYTES):
                out.write(chunk)
                bar.update(len(chunk))
        except requests.RequestException as error:
            return f"{type(error).__name__}: {error}"
    return "the connection closed early"


def _unreachable(url: str, error: Exception) -> str:
    return (
        f"{url} can't be read: {error}. Check the network (HTTPS_PROXY is respected) and run it again, "
        "or put the record's files beside its licence by hand."
    )


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
