"""The HC18 download against a small Zenodo on loopback."""

import hashlib
import io
import json
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fetal_biometry.data import download
from fetal_biometry.errors import InputError

CSV = b"filename,pixel size(mm),head circumference (mm)\n000_HC.png,0.0691,44.3\n"


def archive(entries: dict[str, bytes]) -> bytes:
    """A stored (not compressed) zip, so that its length is that of its content and more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return buffer.getvalue()


TRAINING = archive(
    {
        "training_set/": b"",
        "training_set/000_HC.png": bytes(range(256)) * 8000,
        "training_set/000_HC_Annotation.png": b"outline",
    }
)


class Zenodo(ThreadingHTTPServer):
    """Serves one record; `breaks` holds byte counts after which the next answers are cut off."""

    def __init__(self, files, ranges=True, breaks=(), checksums=None):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.ranges, self.breaks = dict(files), ranges, list(breaks)
        self.checksums = checksums or {}
        self.requests = []  # (path, Range header, bytes sent)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def record(self):
        return {
            "files": [
                {
                    "key": name,
                    "size": len(content),
                    "checksum": self.checksums.get(name, f"md5:{hashlib.md5(content).hexdigest()}"),
                    "links": {"self": f"{self.url}/api/records/1327317/files/{name}/content"},
                }
                for name, content in self.files.items()
            ]
        }

    def transfers(self, name):
        return [(wanted, sent) for path, wanted, sent in self.requests if f"/{name}/" in path]


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/api/records/1327317":
            content, wanted = json.dumps(self.server.record()).encode(), None
        else:
            content, wanted = self.server.files[self.path.split("/")[-2]], self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.path.endswith("training_set.zip/content") and self.server.breaks:
            body = body[: self.server.breaks.pop(0)]
        self.server.requests.append((self.path, wanted, len(body)))
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def zenodo(monkeypatch):
    """Starts servers; pauses between attempts are left out."""
    monkeypatch.setattr(download, "BACKOFF_S", 0.0)
    servers = []

    def start(training=TRAINING, **options):
        files = {"training_set.zip": training, "training_set_pixel_size_and_HC.csv": CSV}
        files |= {"test_set.zip": archive({"001_HC.png": b"flat"}), "test_set_pixel_size.csv": b"filename\n"}
        servers.append(Zenodo(files, **options))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_layout_after_a_good_download(zenodo, tmp_path):
    download.download_hc18(zenodo().url, tmp_path / "hc18")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {
        "hc18/training_set/000_HC.png",
        "hc18/training_set/000_HC_Annotation.png",
        "hc18/training_set_pixel_size_and_HC.csv",
        "hc18/HC18_LICENSE.txt",
    }
    assert (tmp_path / "hc18/training_set/000_HC.png").read_bytes() == bytes(range(256)) * 8000
    assert (tmp_path / "hc18/training_set_pixel_size_and_HC.csv").read_bytes() == CSV
    assert "CC BY 4.0" in (tmp_path / "hc18/HC18_LICENSE.txt").read_text()


def test_test_set_only_when_asked_and_without_a_top_folder(zenodo, tmp_path):
    download.download_hc18(zenodo().url, tmp_path, with_test_set=True)
    assert (tmp_path / "test_set/001_HC.png").read_bytes() == b"flat"
    assert (tmp_path / "test_set_pixel_size.csv").exists()


def test_a_second_call_makes_no_request(zenodo, tmp_path):
    server = zenodo()
    download.download_hc18(server.url, tmp_path)
    made = len(server.requests)
    download.download_hc18(server.url, tmp_path)
    assert len(server.requests) == made


def test_a_broken_connection_is_resumed(zenodo, tmp_path):
    server = zenodo(breaks=[1_000_000])
    download.download_hc18(server.url, tmp_path)
    (first, sent), (second, rest) = server.transfers("training_set.zip")
    assert first is None
    assert sent == 1_000_000
    resumed_at = int(second.removeprefix("bytes=").removesuffix("-"))
    assert 0 < resumed_at <= sent  # what the client had in hand when the connection fell
    assert rest == len(TRAINING) - resumed_at < len(TRAINING)
    assert (tmp_path / "training_set/000_HC.png").exists()


def test_a_transfer_given_up_goes_on_in_the_next_call(zenodo, tmp_path):
    stubborn = zenodo(breaks=[1_500_000] + [0] * download.ATTEMPTS)
    with pytest.raises(InputError, match=r"broke 5 times in a row.*run it again"):
        download.download_hc18(stubborn.url, tmp_path)
    kept = (tmp_path / "training_set.zip.part").stat().st_size
    assert kept > 0
    server = zenodo()
    download.download_hc18(server.url, tmp_path)
    assert server.transfers("training_set.zip") == [(f"bytes={kept}-", len(TRAINING) - kept)]


def test_a_server_without_ranges_is_read_from_the_start(zenodo, tmp_path):
    server = zenodo(ranges=False, breaks=[1_000_000])
    download.download_hc18(server.url, tmp_path)
    assert [sent for _, sent in server.transfers("training_set.zip")] == [1_000_000, len(TRAINING)]
    assert (tmp_path / "training_set/000_HC.png").read_bytes() == bytes(range(256)) * 8000


def test_a_part_longer_than_the_file_is_dropped(zenodo, tmp_path):
    (tmp_path / "training_set.zip.part").write_bytes(b"x" * (len(TRAINING) + 1))
    server = zenodo()
    download.download_hc18(server.url, tmp_path)
    assert server.transfers("training_set.zip") == [(None, len(TRAINING))]


def test_a_wrong_checksum_is_named_and_the_file_deleted(zenodo, tmp_path):
    server = zenodo(checksums={"training_set.zip": f"md5:{'0' * 32}"})
    with pytest.raises(InputError, match=r"training_set\.zip: its md5 is .*run it again"):
        download.download_hc18(server.url, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../escaped.png", "training_set/../../escaped.png", "/escaped.png", "C:\\escaped.png"]
)
def test_an_entry_that_leaves_the_folder_is_refused(zenodo, tmp_path, name):
    server = zenodo(training=archive({"training_set/000_HC.png": b"fine", name: b"evil"}))
    with pytest.raises(InputError, match="refused"):
        download.download_hc18(server.url, tmp_path / "data/hc18")
    assert not list(tmp_path.rglob("escaped*"))
    assert [path.name for path in (tmp_path / "data/hc18").iterdir()] == ["training_set.zip"]


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("training_set/000_HC.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "training_set.zip", "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="link"):
        download.unpack(tmp_path / "training_set.zip", tmp_path / "training_set")
    assert not (tmp_path / "training_set").exists()


def test_a_server_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(download, "BACKOFF_S", 0.0)
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/.*Check the network"):
        download.download_hc18("http://127.0.0.1:9", tmp_path)


def test_an_address_that_is_not_zenodo_is_named(zenodo, tmp_path):
    server = zenodo()
    server.files.pop("training_set.zip")
    with pytest.raises(InputError, match=r"has no training_set\.zip"):
        download.download_hc18(server.url, tmp_path)
    server.record = dict
    with pytest.raises(InputError, match="did not answer with a Zenodo record"):
        download.download_hc18(server.url, tmp_path)
