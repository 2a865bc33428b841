"""Words that occur in several tables and modules, in one place."""

from enum import StrEnum


class Split(StrEnum):
    """What a labelled image is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


SEEN = "seen"  # takes the place of `Split.TEST` for images of examinations that a given model was trained on


class Verdict(StrEnum):
    """What the audit says of a label."""

    VALID = "valid"
    QUESTIONABLE = "questionable"  # its points lie on the head, but are not the ends of its axes
    INVALID = "invalid"


class Calliper(StrEnum):
    """How labels take BPD."""

    OUTER_TO_OUTER = "outer_to_outer"
    OUTER_TO_INNER = "outer_to_inner"


class Review(StrEnum):
    """What a person said of a measurement."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"


ACCEPTED_PREDICTION = "accepted prediction"  # the label source of a model's own points, which judge no model

HEAD = "head"  # the plane of an image that shows one
GIVEN_MODEL = "given_model"  # stands for the recipe's name where a model is given and none is trained

LANDMARKS = ("ofd_1", "ofd_2", "bpd_1", "bpd_2")
COLUMNS = tuple(f"{landmark}_{axis}" for landmark in LANDMARKS for axis in "xy")
SECOND_COLUMNS = tuple(f"second_{column}" for column in COLUMNS)
REFERENCE_COLUMNS = tuple(f"reference_{column}" for column in COLUMNS)
LENGTHS = ("bpd", "ofd", "hc")
LENGTH_COLUMNS = tuple(
    f"{length}_{unit}{end}" for length in LENGTHS for unit in ("px", "mm") for end in ("", "_low", "_high")
)  # of predictions.csv, with the ends of the intervals
STATED = tuple(f"reference_{length}_mm" for length in LENGTHS)  # lengths that a table states itself, outer-to-outer
SMALLEST_PIXEL_MM, LARGEST_PIXEL_MM = 0.02, 2  # of an ultrasound image; beyond, the number is in another unit
