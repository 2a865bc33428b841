"""Numbers as a reader of the pages sees them."""

import math

MISSING = "–"
LENGTH_NAMES = {"hc": "head circumference", "bpd": "biparietal diameter", "ofd": "occipitofrontal diameter"}
HEAD_SIZES = {"hc_under_120": "HC < 120 mm", "hc_120_200": "HC 120–200 mm", "hc_over_200": "HC > 200 mm"}


def number(value, digits: int | None = None) -> str:
    """A number with a true minus sign; two decimals below 10 and one above, unless digits says otherwise."""
    if value is None or not math.isfinite(value):
        return MISSING
    if digits is None:
        digits = 2 if abs(value) < 9.995 else 1
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def signed(value, digits: int | None = None) -> str:
    """As number, with a plus sign before a positive value."""
    text = number(value, digits)
    return text if text == MISSING or value <= 0 or not float(text) else f"+{text}"


def many(n: int, thing: str) -> str:
    """A number of things: 1 image, 2 images."""
    return f"{count(n)} {thing}{'' if n == 1 else 's'}"


def percent(share, digits: int = 0) -> str:
    """A share (0-1) as per cent."""
    return MISSING if share is None or not math.isfinite(share) else f"{number(100 * share, digits)}\u00a0%"


def count(value) -> str:
    """A whole number with thin spaces between thousands."""
    return MISSING if value is None else f"{int(value):,}".replace(",", "\u202f")


def duration(seconds) -> str:
    """Seconds as hours, minutes and seconds."""
    if seconds is None:
        return MISSING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def span(length: dict, figure: str) -> str:
    """The ends of a figure's 95 % interval, such as 1.31–2.02, −4.1 % to −3.2 %, 86–97 %; empty where there is none."""
    low, high = (length.get(f"{figure}_{end}") for end in ("low", "high"))
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return ""
    if figure.startswith("relative_loa"):
        return f"{percent(low, 1)} to {percent(high, 1)}"
    if figure == "bias":
        return f"{signed(low)} to {signed(high)}"
    if figure == "nme":
        return f"{number(low, 3)}–{number(high, 3)}"
    digits = {"coverage": 0, "over_10_percent": 1, "unflagged_over_10_percent": 1}.get(figure)
    return f"{number(low)}–{number(high)}" if digits is None else f"{number(100 * low, digits)}–{percent(high, digits)}"


def factor(length: dict) -> str:
    """How many times smaller the model's error is than the constant's; empty where it cannot be told."""
    constant, model = length.get("constant_mae"), length.get("mae")
    if constant is None or not math.isfinite(constant) or not model:
        return ""
    ratio = constant / model
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.1f}×"


def sort_key(value) -> str:
    """A number as the table's script sorts by it; empty where missing."""
    return f"{value:.6g}" if math.isfinite(value) else ""
