"""The datasets that can be read: a module each, which lists the images with their labels."""

from functools import partial

from fetal_biometry.data.formats.annotated_folder import list_annotated_folder
from fetal_biometry.data.formats.coco import read_coco
from fetal_biometry.data.formats.cvat import read_cvat
from fetal_biometry.data.formats.labelme import read_labelme
from fetal_biometry.data.formats.landmark_table import read_landmark_table
from fetal_biometry.data.formats.phantom_dataset import list_phantoms
from fetal_biometry.data.formats.via import read_via
from fetal_biometry.data.label_table import list_labelled

FORMATS = {
    "phantom": list_phantoms,
    "challenge": partial(list_labelled, read=read_landmark_table),
    "hc18": list_annotated_folder,
    "coco": partial(list_labelled, read=read_coco),
    "via": partial(list_labelled, read=read_via),
    "labelme": partial(list_labelled, read=read_labelme),
    "cvat": partial(list_labelled, read=read_cvat),
    "images": lambda config, drawn: [],
}
"""From the name of a dataset to what lists its images, which takes the `Config` and the folder of drawn images."""
