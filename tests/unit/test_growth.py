"""Growth charts give the values that their authors published."""

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.measure.growth import CHARTS, centiles, estimate_age, read_lengths
from fetal_biometry.measure.growth.intergrowth import standard_scores
from fetal_biometry.measure.lengths import to_inner, to_outer

# Weeks, then BPD, OFD and HC in mm at -2, 0 and +2 standard deviations: the z-score tables that INTERGROWTH-21st gives
# out with Papageorghiou et al., Lancet 2014.
INTERGROWTH = {
    14: ((26.1, 29.9, 86.7), (29.6, 33.8, 97.9), (33.1, 37.6, 109.0)),
    20: ((43.8, 55.1, 157.6), (48.4, 60.7, 172.5), (53.0, 66.2, 187.4)),
    26: ((62.0, 78.0, 223.2), (67.6, 84.9, 240.5), (73.2, 91.8, 257.8)),
    32: ((77.4, 95.2, 275.1), (83.8, 103.5, 294.4), (90.1, 111.7, 313.6)),
    40: ((87.1, 103.4, 308.1), (94.9, 115.8, 333.9), (102.7, 128.2, 359.8)),
}
# HC and BPD (outer to inner) in cm that Hadlock et al., Radiology 1984, expect at a week. Later the regressions of age
# on them, which date a head, and of them on age part, as they must where heads of one age differ most.
HADLOCK = {15: (11.0, 2.9), 16: (12.4, 3.2), 18: (15.1, 3.9), 20: (17.7, 4.6), 22: (20.1, 5.3), 24: (22.4, 5.8)}

# HC in mm at the 10th, 50th and 90th centile: table 7 of Kiserud et al., PLoS Med 2017, whole millimetres.
WHO = {14: (91, 100, 107), 20: (163, 173, 183), 26: (232, 244, 256), 32: (282, 296, 311), 40: (325, 342, 357)}


@pytest.mark.parametrize("week", INTERGROWTH)
def test_published_lengths_have_their_published_scores(week):
    lengths = np.array(INTERGROWTH[week])
    scores = standard_scores(lengths, np.full(3, week))
    assert scores == pytest.approx(np.array([[-2.0] * 3, [0.0] * 3, [2.0] * 3]), abs=0.04)  # lengths are to 0.1 mm
    assert centiles(lengths, np.full(3, week), "intergrowth")[1] == pytest.approx([50, 50, 50], abs=1.5)


@pytest.mark.parametrize("week", WHO)
def test_the_who_chart_gives_its_table(week):
    lengths = np.array([(60.0, 75.0, hc + rounding) for rounding in (-0.5, 0.5) for hc in WHO[week]])
    low, high = centiles(lengths, np.full(6, week), "who")[:, 2].reshape(2, 3)
    assert (low <= (10, 50, 90)).all() and (high >= (10, 50, 90)).all() and (high - low < 12).all()


def test_the_who_chart_ends_at_its_outermost_centiles_and_knows_hc_alone():
    shares = centiles(np.array([[60.0, 75.0, hc] for hc in (100.0, 300.0, np.nan)]), np.full(3, 28.0), "who")
    assert shares[:2, 2].tolist() == [1, 99]
    assert np.isnan(shares[:, :2]).all() and np.isnan(shares[2, 2])
    assert np.isnan(estimate_age(np.array([[60.0, 75.0, 215.0]]), "who")).all()


def test_a_chart_without_centiles_takes_those_of_intergrowth():
    lengths, weeks = np.array([[48.4, 60.7, 172.5]]), np.array([20.0])
    assert (centiles(lengths, weeks, "hadlock") == centiles(lengths, weeks, "intergrowth")).all()
    assert centiles(lengths, weeks, "who")[0, 2] == pytest.approx(48, abs=3)


@pytest.mark.parametrize("week, hc_cm, bpd_cm", [(week, *lengths) for week, lengths in HADLOCK.items()])
def test_ages_agree_with_the_table_of_the_same_fetuses(week, hc_cm, bpd_cm):
    bpd = to_outer(np.array(10 * bpd_cm), "outer_to_inner")
    weeks = estimate_age(np.array([[bpd, 0, 10 * hc_cm]]), "hadlock")[0]
    assert weeks == pytest.approx([week, week], abs=0.5)


def test_both_charts_date_a_head_alike():
    for week, (_, median, _) in INTERGROWTH.items():
        hadlock, intergrowth = (estimate_age(np.array([median]), chart)[0] for chart in ("hadlock", "intergrowth"))
        if week in (20, 26, 32):
            assert intergrowth[0] == pytest.approx(week, abs=0.5)
            assert hadlock[0] == pytest.approx(week, abs=1) and hadlock[1] == pytest.approx(week, abs=1)
        assert np.isnan(intergrowth[1])


def test_hadlock_takes_bpd_to_the_inner_edge():
    assert to_inner(to_outer(np.array([30.0, 60.0, 90.0]), "outer_to_inner")) == pytest.approx([30, 60, 90], abs=0.3)
    bpd_cm = to_inner(np.array(60.0)) / 10
    expected = 9.54 + 1.482 * bpd_cm + 0.1676 * bpd_cm**2
    assert estimate_age(np.array([[60.0, 75.0, 215.0]]), "hadlock")[0, 1] == pytest.approx(expected)


def test_beyond_a_chart_there_is_no_answer():
    tiny, huge = np.array([[10.0, 13.0, 40.0]]), np.array([[120.0, 150.0, 420.0]])
    for chart in CHARTS:
        assert np.isnan(estimate_age(np.concatenate([tiny, huge]), chart)).all()
        assert np.isnan(centiles(np.array([[30.0, 40.0, 110.0]] * 3), np.array([13.9, 40.1, np.nan]), chart)).all()
    with pytest.raises(ValueError, match="none of"):
        estimate_age(tiny, "tea leaves")


def test_a_reading_stands_beside_the_lengths_and_is_empty_without_millimetres():
    table = pd.DataFrame({"bpd_mm": [48.4, np.nan], "ofd_mm": [60.7, np.nan], "hc_mm": [172.5, np.nan]})
    table[["bpd_px", "ofd_px"]] = [[484.0, 607.0], [300.0, 400.0]]
    reading = read_lengths(table, np.array([20.0, 20.0]), "intergrowth")
    assert reading.loc[0, ["bpd_centile", "ofd_centile", "hc_centile"]].astype(float).between(48, 52).all()
    assert reading.loc[0, "cephalic_index"] == pytest.approx(0.797, abs=0.001)
    assert reading.loc[0, "age_weeks_hc"] == pytest.approx(20, abs=0.3)
    assert reading.loc[1, "cephalic_index"] == 0.75 and reading.loc[1].drop("cephalic_index").isna().all()
    undated = read_lengths(table, np.full(2, np.nan), "hadlock")
    assert undated["hc_centile"].isna().all() and undated.loc[0, "age_weeks_bpd"] > 19


def test_every_chart_has_its_ages_and_answers_between_them():
    for name, chart in CHARTS.items():
        youngest, oldest = chart.ages
        assert chart.name and chart.population and chart.source
        if chart.estimate_age:
            assert youngest < estimate_age(np.array([[60.0, 75.0, 215.0]]), name)[0, 0] < oldest
        assert 0 < centiles(np.array([[60.0, 75.0, 215.0]]), np.array([24.0]), name)[0, 2] < 100


def test_without_a_chart_there_is_no_column():
    table = pd.DataFrame({"bpd_mm": [48.4]}, index=["a"])
    nothing = read_lengths(table, np.array([20.0]), "none")
    assert list(nothing) == [] and list(nothing.index) == ["a"]
