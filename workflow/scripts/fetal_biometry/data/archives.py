"""The public archives that the workflow can fetch: one entry an archive."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PlaneTable:
    """How an archive of planes lists its images.

    ``file`` is the table's name. ``columns`` names its column for each of ``image``, ``plane``, ``patient``, and where
    it has one ``centre``, ``us_machine``, ``brain_plane``. ``image_path`` is an image's path beside the table, with
    ``{image}`` and ``{centre}``. ``centre`` is that of all images, where no column tells it.
    """

    file: str
    columns: dict[str, str]
    image_path: str
    centre: str = ""


@dataclass(frozen=True)
class Archive:
    """A Zenodo record: its number, its files with the names that they get in the folder, and whose work it is.

    Files that end in .zip or .tar.xz are unpacked into a folder of the given name. ``planes`` is the table that an
    ``index.csv`` is written from; None writes none.
    """

    title: str
    record: str
    files: dict[str, str]
    authors: str
    cite: str
    changes: str
    planes: PlaneTable | None = None
    licence_file: str = "LICENSE.txt"

    @property
    def licence_note(self) -> str:
        """The text of ``licence_file``. Every archive here is under CC BY 4.0."""
        return f"""\
The images, annotations and tables in this folder are the data set {self.title}.

Licence:  Creative Commons Attribution 4.0 International (CC BY 4.0),
          https://creativecommons.org/licenses/by/4.0/
Authors:  {self.authors}
Source:   https://doi.org/10.5281/zenodo.{self.record}
Cite:     {self.cite}
Changes:  {self.changes}
"""


UNPACKED = "unpacked"  # where the files of an archive of planes lie until its index is written
_MOVED = "none in the images, which were moved to images/; index.csv was written from the archive's table."

HC18 = Archive(
    title="HC18",
    record="1327317",
    files={
        "training_set.zip": "training_set",
        "training_set_pixel_size_and_HC.csv": "training_set_pixel_size_and_HC.csv",
    },
    authors="Thomas L. A. van den Heuvel, Dagmar de Bruijn, Chris L. de Korte, Bram van Ginneken",
    cite="""\
van den Heuvel TLA, de Bruijn D, de Korte CL, van Ginneken B (2018). Automated measurement of
          fetal head circumference using 2D ultrasound images. PLoS ONE 13(8): e0200412.
          https://doi.org/10.1371/journal.pone.0200412""",
    changes="none; the archives were unpacked.",
    licence_file="HC18_LICENSE.txt",
)
HC18_WITH_TEST_SET = replace(
    HC18, files=HC18.files | {"test_set.zip": "test_set", "test_set_pixel_size.csv": "test_set_pixel_size.csv"}
)
AFRICAN_PLANES = Archive(
    title="Maternal fetal ultrasound planes from low-resource imaging settings in five African countries",
    record="7540448",
    files={"Zenodo_dataset.tar.xz": UNPACKED},
    authors="Carla Sendra-Balcells and others, as the record lists them",
    cite="""\
Sendra-Balcells C, Campello VM, Torrents-Barrena J, et al. (2023). Generalisability of fetal
          ultrasound deep learning models to low-resource imaging settings in five African countries.
          Scientific Reports 13: 2728. https://doi.org/10.1038/s41598-023-29490-3""",
    changes=_MOVED,
    planes=PlaneTable(
        "African_planes_database.csv",
        {"image": "Filename", "plane": "Plane", "patient": "Patient_num", "centre": "Center"},
        "{centre}/{image}",
    ),
)
FETAL_PLANES = Archive(
    title="FETAL_PLANES_DB: common maternal-fetal ultrasound images",
    record="3904280",
    files={"FETAL_PLANES_ZENODO.zip": UNPACKED},
    authors="""\
Xavier P. Burgos-Artizzu, David Coronado-Gutiérrez, Brenda Valenzuela-Alcaraz, Elisenda Bonet-Carne,
          Elisenda Eixarch, Fátima Crispi, Eduard Gratacós""",
    cite="""\
Burgos-Artizzu XP, Coronado-Gutiérrez D, Valenzuela-Alcaraz B, et al. (2020). Evaluation of deep
          convolutional neural networks for automatic classification of common maternal fetal ultrasound
          planes. Scientific Reports 10: 10200. https://doi.org/10.1038/s41598-020-67076-5""",
    changes=_MOVED,
    planes=PlaneTable(
        "FETAL_PLANES_DB_data.csv",
        {
            "image": "Image_name",
            "plane": "Plane",
            "patient": "Patient_num",
            "us_machine": "US_Machine",
            "brain_plane": "Brain_plane",
        },
        "Images/{image}",
        "Barcelona",
    ),
)

ARCHIVES = {
    "hc18": HC18,
    "hc18_with_test_set": HC18_WITH_TEST_SET,
    "african_planes": AFRICAN_PLANES,
    "fetal_planes": FETAL_PLANES,
}
