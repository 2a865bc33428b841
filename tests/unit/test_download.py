"""Downloads against a small Zenodo on loopback."""

import hashlib
import io
import json
import stat
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from fetal_biometry.configuration import Config
from fetal_biometry.data import download
from fetal_biometry.data.archives import AFRICAN_PLANES, FETAL_PLANES, HC18, HC18_WITH_TEST_SET
from fetal_biometry.data.planes import list_planes
from fetal_biometry.data.source import MissingData
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

    def __init__(self, files, record, ranges=True, breaks=(), checksums=None):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.number, self.ranges, self.breaks = dict(files), record, ranges, list(breaks)
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
                    "links": {"self": f"{self.url}/api/records/{self.number}/files/{name}/content"},
                }
                for name, content in self.files.items()
            ]
        }

    def transfers(self, name):
        return [(wanted, sent) for path, wanted, sent in self.requests if f"/{name}/" in path]


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == f"/api/records/{self.server.number}":
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
        if self.path.endswith((".zip/content", ".tar.xz/content")) and self.server.breaks:
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

    def start(training=TRAINING, files=None, record=HC18.record, **options):
        hc18 = {"training_set.zip": training, "training_set_pixel_size_and_HC.csv": CSV}
        hc18 |= {"test_set.zip": archive({"001_HC.png": b"flat"}), "test_set_pixel_size.csv": b"filename\n"}
        servers.append(Zenodo(files or hc18, record, **options))
        threading.Thread(target=servers[-1].serve_forever, args=[0.01], daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_layout_after_a_good_download(zenodo, tmp_path):
    download.download(HC18, zenodo().url, tmp_path / "hc18")
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
    download.download(HC18_WITH_TEST_SET, zenodo().url, tmp_path)
    assert (tmp_path / "test_set/001_HC.png").read_bytes() == b"flat"
    assert (tmp_path / "test_set_pixel_size.csv").exists()


def test_a_second_call_makes_no_request(zenodo, tmp_path):
    server = zenodo()
    download.download(HC18, server.url, tmp_path)
    made = len(server.requests)
    download.download(HC18, server.url, tmp_path)
    assert len(server.requests) == made


def test_a_broken_connection_is_resumed(zenodo, tmp_path):
    server = zenodo(breaks=[1_000_000])
    download.download(HC18, server.url, tmp_path)
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
        download.download(HC18, stubborn.url, tmp_path)
    kept = (tmp_path / "training_set.zip.part").stat().st_size
    assert kept > 0
    server = zenodo()
    download.download(HC18, server.url, tmp_path)
    assert server.transfers("training_set.zip") == [(f"bytes={kept}-", len(TRAINING) - kept)]


def test_a_server_without_ranges_is_read_from_the_start(zenodo, tmp_path):
    server = zenodo(ranges=False, breaks=[1_000_000])
    download.download(HC18, server.url, tmp_path)
    assert [sent for _, sent in server.transfers("training_set.zip")] == [1_000_000, len(TRAINING)]
    assert (tmp_path / "training_set/000_HC.png").read_bytes() == bytes(range(256)) * 8000


def test_a_part_longer_than_the_file_is_dropped(zenodo, tmp_path):
    (tmp_path / "training_set.zip.part").write_bytes(b"x" * (len(TRAINING) + 1))
    server = zenodo()
    download.download(HC18, server.url, tmp_path)
    assert server.transfers("training_set.zip") == [(None, len(TRAINING))]


def test_a_wrong_checksum_is_named_and_the_file_deleted(zenodo, tmp_path):
    server = zenodo(checksums={"training_set.zip": f"md5:{'0' * 32}"})
    with pytest.raises(InputError, match=r"training_set\.zip: its md5 is .*run it again"):
        download.download(HC18, server.url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_zip_lands_outside_the_folder_and_a_link_is_no_link(tmp_path):
    link = zipfile.ZipInfo("training_set/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "training_set.zip", "w") as target:
        target.writestr("training_set/000_HC.png", b"fine")
        target.writestr(link, "/etc/passwd")
        for name in ("../escaped.png", "training_set/../../escaped.png", "/escaped.png", "C:\\escaped.png"):
            target.writestr(name, b"evil")
    download.unpack(tmp_path / "training_set.zip", tmp_path / "training_set")
    assert {path.name for path in tmp_path.iterdir()} == {"training_set.zip", "training_set"}
    assert {path.name for path in (tmp_path / "training_set").iterdir()} == {"000_HC.png", "link.png"}
    assert not (tmp_path / "training_set" / "link.png").is_symlink()


def test_a_server_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(download, "BACKOFF_S", 0.0)
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/.*Check the network"):
        download.download(HC18, "http://127.0.0.1:9", tmp_path)


def test_an_address_that_is_not_zenodo_is_named(zenodo, tmp_path):
    server = zenodo()
    server.files.pop("training_set.zip")
    with pytest.raises(InputError, match=r"has no training_set\.zip"):
        download.download(HC18, server.url, tmp_path)
    server.record = dict
    with pytest.raises(InputError, match="did not answer with a Zenodo record"):
        download.download(HC18, server.url, tmp_path)


AFRICAN_TABLE = """\
Patient_num,Plane,Train,Center,Filename
1,Fetal brain,1,Egypt,patient001_EGY_plane1
1,Fetal abdomen,1,Egypt,patient001_EGY_plane0
1,Fetal thorax,0,Malawi,patient001_MWI_plane2
"""
FETAL_TABLE = """\
Image_name;Patient_num;Plane;Brain_plane;Operator;US_Machine;Train \r
Patient00002_Plane3_1_of_1;2;Fetal brain;Trans-thalamic;Op. 1;Voluson E6;1\r
Patient00001_Plane6_1_of_1;1;Maternal cervix;Not A Brain;Other;Aloka;0\r
"""
AFRICAN_IMAGES = {  # the Malawian image is the Egyptian abdomen once more
    "Egypt/patient001_EGY_plane0.png": b"abdomen",
    "Egypt/patient001_EGY_plane1.png": b"head",
    "Malawi/patient001_MWI_plane2.png": b"abdomen",
}
FETAL_IMAGES = {"Patient00001_Plane6_1_of_1.png": b"cervix", "Patient00002_Plane3_1_of_1.png": b"head"}


def african_files(table=AFRICAN_TABLE, extra=()):
    """The archive as it is published: a table and a folder a country."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as target:
        for name, content in {"African_planes_database.csv": table.encode("latin-1"), **AFRICAN_IMAGES}.items():
            entry = tarfile.TarInfo(f"Zenodo_dataset/{name}")
            entry.size = len(content)
            target.addfile(entry, io.BytesIO(content))
        for entry in extra:
            target.addfile(entry)
    return {"Zenodo_dataset.tar.xz": buffer.getvalue()}


def fetal_files(table=FETAL_TABLE):
    images = {f"Images/{name}": content for name, content in FETAL_IMAGES.items()}
    return {"FETAL_PLANES_ZENODO.zip": archive({"FETAL_PLANES_DB_data.csv": table.encode(), **images})}


def african(zenodo, **options):
    return zenodo(files=african_files(**options), record=AFRICAN_PLANES.record)


def read_index(folder):
    return pd.read_csv(folder / "index.csv", dtype=str, keep_default_na=False).set_index("image_name")


def test_african_planes_are_listed_with_their_centre_and_their_duplicates(zenodo, tmp_path):
    download.download(AFRICAN_PLANES, african(zenodo).url, tmp_path / "planes")
    found = {str(path.relative_to(tmp_path / "planes")) for path in tmp_path.rglob("*") if path.is_file()}
    names = [name.partition("/")[2] for name in AFRICAN_IMAGES]
    assert found == {"index.csv", "LICENSE.txt", *(f"images/{name}" for name in names)}
    index = read_index(tmp_path / "planes")
    assert list(index.index) == names
    assert list(index["plane"]) == ["abdomen", "head", "thorax"]
    assert list(index["centre"]) == ["Egypt", "Egypt", "Malawi"]
    assert list(index["patient"]) == ["1", "1", "1"]
    assert list(index["duplicate_of"]) == ["", "", names[0]]
    assert (tmp_path / "planes/images" / names[1]).read_bytes() == b"head"
    planes = list_planes(Config(data_root=str(tmp_path), planes=["planes"]))
    assert [(one.plane, one.patient) for one in planes] == [("abdomen", "Egypt 1"), ("head", "Egypt 1")]
    licence = (tmp_path / "planes/LICENSE.txt").read_text()
    assert "CC BY 4.0" in licence and "10.5281/zenodo.7540448" in licence


def test_fetal_planes_are_listed_with_their_machine_and_brain_plane(zenodo, tmp_path):
    download.download(FETAL_PLANES, zenodo(files=fetal_files(), record=FETAL_PLANES.record).url, tmp_path)
    index = read_index(tmp_path)
    assert index["plane"].to_dict() == dict(zip(FETAL_IMAGES, ["other", "head"], strict=True))
    assert set(index["centre"]) == {"Barcelona"} and set(index["duplicate_of"]) == {""}
    head = index.loc["Patient00002_Plane3_1_of_1.png"]
    facts = ["patient", "us_machine", "archive_plane", "brain_plane"]
    assert list(head[facts]) == ["2", "Voluson E6", "Fetal brain", "Trans-thalamic"]
    assert (tmp_path / "images/Patient00001_Plane6_1_of_1.png").read_bytes() == b"cervix"
    assert "10.5281/zenodo.3904280" in (tmp_path / "LICENSE.txt").read_text()


def test_an_index_that_is_there_is_kept(zenodo, tmp_path):
    (tmp_path / "index.csv").write_text("of the user\n")
    server = african(zenodo)
    download.download(AFRICAN_PLANES, server.url, tmp_path)
    assert server.requests == [] and (tmp_path / "index.csv").read_text() == "of the user\n"


def test_an_interrupted_listing_goes_on_without_a_request(zenodo, tmp_path, monkeypatch):
    server = african(zenodo)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("fetal_biometry.data.plane_index.write_frame", killed)  # when all images are moved
        download.download(AFRICAN_PLANES, server.url, tmp_path)
    with pytest.raises(MissingData, match="download"):  # no refusal: a target that needs no data can be planned
        list_planes(Config(data_root=str(tmp_path.parent), planes=[tmp_path.name]))
    made = len(server.requests)
    download.download(AFRICAN_PLANES, server.url, tmp_path)
    assert len(server.requests) == made and len(read_index(tmp_path)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LICENSE.txt", "images", "index.csv"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Filename", "File"), ["no column Filename", "patient_num, plane, train, center, file"]),
        (("Fetal thorax", "Fetal heart"), ["row 4", "patient001_MWI_plane2", "Fetal heart"]),
        (("patient001_MWI_plane2", "patient001_EGY_plane1"), ["row 4", "patient001_EGY_plane1", "twice"]),
        (("patient001_MWI_plane2", "../patient001_EGY_plane0"), ["row 4", "another folder"]),
        (("patient001_MWI_plane2", "patient002_MWI_plane2"), ["Malawi/patient002_MWI_plane2.png"]),
        (("Patient_num", "\xe9"), ["UTF-8"]),
    ],
)
def test_a_table_that_is_not_the_published_one_is_named(zenodo, tmp_path, change, words):
    server = african(zenodo, table=AFRICAN_TABLE.replace(*change))
    with pytest.raises(InputError) as refused:
        download.download(AFRICAN_PLANES, server.url, tmp_path)
    assert "African_planes_database.csv" in str(refused.value) and "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words), refused.value
    assert not (tmp_path / "index.csv").exists() and not (tmp_path / "LICENSE.txt").exists()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("../escaped.png", tarfile.REGTYPE), ("link.png", tarfile.SYMTYPE), ("pipe.png", tarfile.FIFOTYPE)],
)
def test_a_tar_entry_that_leaves_the_folder_or_is_a_link_is_refused(zenodo, tmp_path, name, kind):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, "/etc/passwd"
    with pytest.raises(InputError, match="cannot be unpacked"):
        download.download(AFRICAN_PLANES, african(zenodo, extra=[entry]).url, tmp_path / "data/planes")
    assert [path.name for path in (tmp_path / "data/planes").iterdir()] == ["Zenodo_dataset.tar.xz"]
    assert not list(tmp_path.rglob("escaped*"))


def test_files_put_there_by_hand_need_no_server(monkeypatch, tmp_path):
    (tmp_path / "Zenodo_dataset.tar.xz").write_bytes(*african_files().values())
    download.download(AFRICAN_PLANES, "http://127.0.0.1:9", tmp_path)
    assert len(read_index(tmp_path)) == 3
