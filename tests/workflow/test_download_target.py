"""`snakemake download_*` against records on loopback, then the plan of the data that HC18's target brought."""

import csv
import functools
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest

NAMES = [f"{number:03}_HC.png" for number in range(12)]


def training_set() -> bytes:
    """A zip in the public archive's layout: images of noise, an outline for each."""
    rng = np.random.default_rng(3)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in NAMES:
            outline = cv2.ellipse(np.zeros((96, 128), np.uint8), (64, 48), (40, 30), 20, 0, 360, 255, 1)
            for file, image in (
                (name, rng.integers(0, 255, (96, 128), np.uint8)),
                (f"{name[:-4]}_Annotation.png", outline),
            ):
                archive.writestr(f"training_set/{file}", cv2.imencode(".png", image)[1].tobytes())
    return buffer.getvalue()


def hc18() -> dict[str, bytes]:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["filename", "pixel size(mm)", "head circumference (mm)"])
    writer.writerows([name, 0.5, 110.6] for name in NAMES)
    return {"training_set.zip": training_set(), "training_set_pixel_size_and_HC.csv": table.getvalue().encode()}


def african_planes() -> dict[str, bytes]:
    buffer, table = io.BytesIO(), b"Patient_num,Plane,Train,Center,Filename\n1,Fetal brain,1,Egypt,a\n"
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for name, content in (("African_planes_database.csv", table), ("Egypt/a.png", b"an image")):
            entry = tarfile.TarInfo(f"Zenodo_dataset/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return {"Zenodo_dataset.tar.xz": buffer.getvalue()}


def fetal_planes() -> dict[str, bytes]:
    buffer, header = io.BytesIO(), "Image_name;Patient_num;Plane;Brain_plane;Operator;US_Machine;Train \n"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("FETAL_PLANES_DB_data.csv", f"{header}b;1;Fetal femur;Not A Brain;Op. 1;Aloka;0\n")
        archive.writestr("Images/b.png", b"an image")
    return {"FETAL_PLANES_ZENODO.zip": buffer.getvalue()}


@pytest.fixture
def zenodo(tmp_path):
    """The address of a server with the records and their files."""
    site = tmp_path / "site"
    (site / "api" / "records").mkdir(parents=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        for record, files in (("1327317", hc18()), ("7540448", african_planes()), ("3904280", fetal_planes())):
            entries = []
            for name, content in files.items():
                (site / name).write_bytes(content)
                checksum = f"md5:{hashlib.md5(content).hexdigest()}"
                entries.append(
                    {"key": name, "size": len(content), "checksum": checksum, "links": {"self": f"{url}/{name}"}}
                )
            (site / "api" / "records" / record).write_text(json.dumps({"files": entries}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url
        server.shutdown()


@pytest.mark.slow
def test_the_targets_bring_what_the_overlays_read(copy_workflow, tmp_path, zenodo):
    house = copy_workflow(tmp_path)
    overlay = ("--configfile", "datasets/hc18.yaml", "--config", f"download_url={zenodo}")
    house.snakemake("download_hc18", "download_african_planes", "download_fetal_planes", *overlay)
    for name, image, plane in (("african_planes", "a.png", "head"), ("fetal_planes", "b.png", "femur")):
        planes = house.folder / "resources" / "data" / "external" / name
        index = pd.read_csv(planes / "index.csv", index_col="image_name")
        assert index["plane"].to_dict() == {image: plane} and (planes / "images" / image).is_file()
        assert "CC BY 4.0" in (planes / "LICENSE.txt").read_text()
    folder = house.folder / "resources" / "data" / "hc18"
    assert len(list((folder / "training_set").glob("*.png"))) == 2 * len(NAMES)
    assert "CC BY 4.0" in (folder / "HC18_LICENSE.txt").read_text()
    table = "results/hc18/work/images.csv"
    house.snakemake(table, *overlay)
    images = pd.read_csv(house.folder / table)
    assert list(images["image_name"]) == NAMES and (images["pixel_size_mm"] == 0.5).all()
    assert (images["ofd_2_x"] - images["ofd_1_x"] - 80 * np.cos(np.deg2rad(20))).abs().max() < 1
