"""The datasets that can be read: a module each, which lists the images with their labels."""

from fetal_biometry.data.formats.annotated_folder import list_annotated_folder
from fetal_biometry.data.formats.landmark_table import list_landmark_table
from fetal_biometry.data.formats.phantom_dataset import list_phantoms

FORMATS = {
    "phantom": list_phantoms,
    "challenge": list_landmark_table,
    "hc18": list_annotated_folder,
    "images": lambda config, drawn: [],
}
"""From the name of a dataset to what lists its images, which takes the `Config` and the folder of drawn images."""
