"""The predictions table of a run: corrections, a growth chart and a site's convention, in this order."""

import numpy as np
import pandas as pd
import pytest
from test_biometry import calibration, found_heads, images
from test_flags import HEAD

from fetal_biometry.errors import InputError
from fetal_biometry.measure.heads import measure_heads
from fetal_biometry.measure.site import read_site
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.tables import Row
from fetal_biometry.terms import COLUMNS, Review

NAMES = ["000_HC.png", "001_HC.png"]
OFD_PX, BPD_PX, PIXEL_MM = 400.0, 300.0, 0.25
CHOICES = {"calliper": "outer_to_outer", "growth_chart": "none", "site": {}}


@pytest.fixture
def heads():
    """What a network found in two images of one head, and what is known of them."""
    return found_heads([HEAD] * 2, [0.9] * 2), images([PIXEL_MM, np.nan]).assign(
        gestational_age_weeks=np.nan, sha256="0"
    )


def measured(heads, corrections=None, **choices) -> pd.DataFrame:
    table = measure_heads(*heads, {}, None, None, corrections, **CHOICES | choices)
    return table.set_index("image_name")


def test_lengths_are_in_pixels_and_where_the_pixel_size_is_known_in_millimetres(heads):
    table = measured(heads)
    assert list(table.index) == NAMES
    assert table[["ofd_px", "bpd_px"]].to_numpy() == pytest.approx(np.tile([OFD_PX, BPD_PX], (2, 1)), rel=1e-4)
    assert table.loc[NAMES[0], "ofd_mm"] == pytest.approx(OFD_PX * PIXEL_MM, rel=1e-4)
    assert np.isnan(table.loc[NAMES[1], "ofd_mm"]) and "age_weeks_hc" not in table and "convention" not in table


def test_ages_are_read_from_lengths_in_the_model_s_own_convention(heads):
    site = read_site("outer_to_inner", "").model_dump()
    own, other = measured(heads, growth_chart="hadlock"), measured(heads, growth_chart="hadlock", site=site)
    factor = site["bpd"]["factor"]
    assert factor < 1 and other.loc[NAMES[0], "bpd_mm"] == pytest.approx(own.loc[NAMES[0], "bpd_mm"] * factor, abs=2e-3)
    assert other["age_weeks_bpd"].equals(own["age_weeks_bpd"]) and own["age_weeks_bpd"].notna().tolist() == [
        True,
        False,
    ]


def test_a_convention_by_name_is_refused_for_a_model_of_another_calliper(heads):
    site = read_site("mid_skull", "").model_dump()
    inner = calibration(calliper="outer_to_inner")
    with pytest.raises(InputError, match=r"mid_skull.*outer_to_inner"):
        measure_heads(*heads, inner, None, None, None, **CHOICES | {"site": site})
    own = site | {"convention": "site"}  # its factors are this model's
    assert len(measure_heads(*heads, inner, None, None, None, **CHOICES | {"site": own})) == 2


def test_a_person_s_landmarks_replace_the_network_s(heads, tmp_path):
    points = np.ravel(ellipse_landmarks((400, 270), 100, 80, 0))
    said = dict(zip(COLUMNS, map(str, points), strict=True))
    said |= dict.fromkeys(("who", "when", "comment", "content", "convention"), "")
    row = {"image_name": NAMES[0], "status": Review.CORRECTED, **said}
    table = measured(heads, {NAMES[0]: Row(row, tmp_path / "corrections.csv", 2)})
    assert table["ofd_px"].to_numpy() == pytest.approx([200, OFD_PX], rel=1e-4)
    assert table.loc[NAMES[0], "bpd_mm"] == pytest.approx(160 * PIXEL_MM, rel=1e-4)
