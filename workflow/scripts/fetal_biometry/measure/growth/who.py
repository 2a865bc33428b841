"""WHO fetal growth charts, Kiserud et al., PLoS Med 2017;14(1):e1002220: HC, from all fetuses of either sex.

There is no OFD among these charts, and no age from a length. BPD is left out: where its callipers stood is unchecked.
"""

import numpy as np

from fetal_biometry.measure.growth.chart import Chart

# Of the logarithm of HC in mm at each centile: the constant and the factors of the week, its square and its cube.
_HC = {
    1: (1.51782795874402, 0.299296859125438, -0.00752376152126206, 6.7179373384666e-05),
    2.5: (1.59317517131532, 0.29459800552433, -0.0073860372566707, 6.56951770216148e-05),
    5: (1.74883945698398, 0.278405280785763, -0.00677990950687641, 5.83587774721548e-05),
    10: (1.83059537388222, 0.27244251174974, -0.00659546864496838, 5.63957469365128e-05),
    25: (1.94181945227701, 0.26584757167445, -0.00644544904011178, 5.54517813431795e-05),
    50: (2.09924879247164, 0.253373656106037, -0.00605647816678282, 5.14256072059917e-05),
    75: (2.20777451923048, 0.245212320927953, -0.00578557948587613, 4.83972618799514e-05),
    90: (2.31776999721364, 0.236651510200538, -0.00550781288608926, 4.53975879344267e-05),
    95: (2.39550106176494, 0.229586666082063, -0.00525318141633775, 4.23738937924844e-05),
    97.5: (2.50074069629423, 0.220067854715719, -0.00493623111462443, 3.89066000946519e-05),
    99: (2.50189533265806, 0.223785148311865, -0.00514245402239348, 4.20117020605557e-05),
}


def hc_at(centile: float, weeks) -> np.ndarray:
    """HC in mm at a centile of `_HC` and gestational ages in weeks, in their shape.

    Examples
    --------
    >>> [round(float(hc_at(centile, 20))) for centile in (10, 50, 90)]
    [163, 173, 183]
    """
    return np.exp(np.polyval(_HC[centile][::-1], np.asarray(weeks, dtype=float)))


def centiles(lengths_mm: np.ndarray, weeks: np.ndarray) -> np.ndarray:
    """WHO centiles of BPD, OFD and HC, (N, 3), at gestational ages in weeks, (N,): of HC alone, NaN of the others.

    Between the published centiles HC is interpolated. 1 stands for 1 and less, 99 for 99 and more.
    """
    hc = np.asarray(lengths_mm, dtype=float)[:, 2]
    curves = np.stack([hc_at(centile, weeks) for centile in _HC], axis=1).reshape(len(hc), -1)
    found = [np.interp(one, curve, list(_HC)) if np.isfinite([one, *curve]).all() else np.nan
             for one, curve in zip(hc, curves, strict=True)]  # fmt: skip
    nothing = np.full(len(hc), np.nan)
    return np.stack([nothing, nothing, np.array(found, dtype=float)], axis=1)


CHART = Chart(
    name="WHO",
    population="1,387 low-risk pregnancies in ten countries",
    source="Kiserud et al., PLoS Med 2017",
    ages=(14.0, 40.0),
    centiles=centiles,
)
