"""HC18's format."""

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.measure.exports.as_csv import as_csv
from fetal_biometry.measure.lengths import in_millimetres
from fetal_biometry.model.geometry import landmarks_to_ellipse


def hc18_submission(table: pd.DataFrame) -> str:
    """HC18's format, of the images with lengths in millimetres.

    Ellipse centre and semi axes in millimetres, outer-to-outer like the lengths, the angle of the long axis in
    radians, y pointing down.
    """
    known = table[table["hc_mm"].notna()]
    points = in_millimetres(points_of(known), known[["pixel_width_mm", "pixel_height_mm"]].to_numpy())
    centre, _, _, angle = landmarks_to_ellipse(points)
    semi_short, semi_long = np.sort(known[["bpd_mm", "ofd_mm"]].to_numpy(), axis=1).T / 2
    columns = {"filename": known["image_name"], "center_x_mm": centre[:, 0], "center_y_mm": centre[:, 1]}
    columns |= {"semi_axes_a_mm": semi_long, "semi_axes_b_mm": semi_short, "angle_rad": angle}
    return as_csv(pd.DataFrame(columns).round(6), known)
