"""How images become lengths and what the figures mean, in paragraphs."""

from __future__ import annotations

from fetal_biometry.measure.growth import CHARTS, centile_chart
from fetal_biometry.report.sentences import WONG
from fetal_biometry.report.wording import percent


def describe_methods(metrics: dict, settings: dict, growth: bool) -> dict[str, str]:
    """Paragraphs by name; ``settings`` are the run's, ``growth`` tells whether ages or centiles are shown."""
    model = metrics["model"]
    said = _network(model)
    if model["decoder"] == "fused":
        said["fused"] = (
            "The network also gives a head mask. The reported axes are a mean of two ellipses: one through the four "
            "landmarks, one around the mask, which counts three times as much. Where their lengths differ by more "
            "than 10 %, the mask’s ellipse is used alone."
        )
    augmentation = {
        "conditional": "Where the two ellipses differ by more than 4 % of the radius, the image is measured again with "
        "test-time augmentation: the mean of four flips, at two scales. The sharper mask counts.",
        "always": "Each image is measured with test-time augmentation: the mean of four flips, at two scales.",
    }.get(model["test_time_augmentation"])
    if augmentation:
        said["test-time-augmentation"] = augmentation
    if model["closer_views"]:
        shares = " and ".join(percent(share) for share in model["closer_views"])
        said["closer-views"] = (
            f"Each head is measured again on closer views, where its OFD spans {shares} of the side. Their mean counts."
        )
    if model["tells_heads"]:
        said["head-presence"] = (
            "A head-presence classifier, a small network that sees the picture around what was found, says whether it "
            "is a head. Without a head there are no lengths."
        )
    said["lengths"] = _lengths(model["calliper"])
    said |= _judging(model, settings.get("audit_method"))
    if growth:
        said["growth"] = _growth(settings.get("growth_chart"))
    said["intervals"] = _intervals(model)
    return said


def _network(model: dict) -> dict[str, str]:
    back = "Points are mapped back to the original image by the exact inverse of the scaling."
    if model["kind"] == "external":
        return {"external": f"The landmarks come from a given model; nothing was trained in this run. {back}"}
    read = "Each image is scaled into a square with black margins; one scale serves both directions."
    if model["kind"] == "direct":
        network = "A convolutional network gives the coordinates of the four ends of the two head axes."
        return {"direct": f"{read} {network} {back}"}
    network = (
        "A U-Net gives four heatmaps, one for each end of the two head axes. It is trained with a Gaussian at each "
        "labelled landmark."
    )
    cell = "is the brightest cell of" if model["decoder"] == "argmax" else "is read more finely than the cells of"
    return {"heatmap": f"{read} {network} A landmark {cell} its heatmap. {back}"}


def _lengths(calliper: str) -> str:
    taken = "BPD and HC are outer-to-outer: from outer edge to outer edge of the skull."
    if calliper == "outer_to_inner":
        taken = (
            "The model was trained on outer-to-inner labels of BPD. In mm, BPD and HC are converted to "
            f"outer-to-outer by {WONG} (Wong et al. 2018); in pixels they are not."
        )
    return (
        "Lengths are distances between landmarks in original pixels, times the pixel size where it is known. OFD "
        "(occipitofrontal diameter) is the long axis of the head, along the midline; BPD (biparietal diameter) is "
        "the short one. HC (head circumference) is the perimeter of the ellipse with these axes, by Ramanujan’s "
        f"second approximation. {taken}"
    )


def _judging(model: dict, audit_method: str | None) -> dict[str, str]:
    networks = " and by networks that were not trained on its examination" if audit_method == "out_of_fold" else ""
    said = {
        "audit": f"An audit judges every label by its geometry{networks}. `snakemake audit` writes audit.html with "
        "each verdict. Errors count valid labels only; the group “all labels” shows the difference. Images of one "
        "examination stay in one split, since they show the same head."
    }
    if model["calibrate_on"] == "out_of_fold":
        said["trained-on"] = (
            "The model was trained on train and validation images. On this page these are measured by networks of "
            "folds, each trained without the examination in question; test images are measured by the model."
        )
    elif model["kind"] != "external":
        epoch = "last epoch" if model["keep"] == "last" else "epoch with the best validation result"
        said["trained-on"] = f"The weights used are those of the {epoch}. Test images had no part in that choice."
    said["figures"] = (
        "Mean error: mean absolute error. Bias: mean of prediction minus label. 95 % limits of agreement: bias ± "
        "1.96 standard deviations of the difference. Over 10 %: share of images with an error over a tenth of the "
        "label’s length. Mean landmark: the mean landmarks of the training images, as the answer for every image. "
        "Small figures are 95 % intervals: percentile bootstraps that draw whole examinations; of shares over 10 % "
        "Wilson’s."
    )
    return said


def _growth(name: str) -> str:
    chart, centiles = CHARTS[name], centile_chart(name)
    age = ""
    if chart.estimate_age:
        age = f"Gestational age follows by the chart of {chart.name} ({chart.source}; {chart.population}). "
    return (
        f"The cephalic index is BPD over OFD. {age}Centiles are those of {centiles.name} ({centiles.source}; "
        f"{centiles.population}) at the gestational age by dates, where it is given. Outside the ages of a chart and "
        "without a pixel size there is no value. For research only."
    )


def _intervals(model: dict) -> str:
    images = {
        "out_of_fold": "valid train and validation images, each measured by a network that was not trained on its "
        "examination",
        None: "images of the model’s own training run",
    }.get(model["calibrate_on"], "valid validation images")
    return (
        "Confidence (0 to 1) comes from the network and ranks images; it is not a probability. A "
        f"{percent(model['interval_level'])} interval should hold the true length in that share of images. Its width "
        "follows from quality features of the network’s output (peaks, agreement of the two ellipses, height and "
        f"sharpness of the mask) and from the head’s size. It is calibrated on {images}. The share that it held on "
        "the test images stands beside each error."
    )
