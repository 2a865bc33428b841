"""An exported model's file: the network, and in its metadata how to read its output."""

import json

import onnxruntime

from fetal_biometry.errors import InputError

METADATA = "fetal_biometry"
CLOSER = "closer"  # the input of a cascade of version 0.1.0 that says which stage it is
_TOLD = {"kind": str, "image_size": int, "decoder": str, "sigma_cells": float | int, "test_time_augmentation": str}
_CASCADE = {"cache_size": int, "stretch": list, "reflections": str, "zooms": list, "closeup": dict}


def open_model(path, threads: int = 1) -> tuple[onnxruntime.InferenceSession, dict]:
    """A model of this workflow, and its metadata, with ``cascade``: whether it is one of version 0.1.0.

    Raises
    ------
    InputError
        When the file is no ONNX model or none of this workflow, as it is now.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        metadata = json.loads(session.get_modelmeta().custom_metadata_map[METADATA])
    except KeyError:
        raise InputError(
            f"{path}: an ONNX model, but not exported by this workflow; give a model.onnx of a run."
        ) from None
    except Exception as error:
        raise InputError(f"{path}: not a readable ONNX model ({error}); export it again.") from error
    cascade = CLOSER in [given.name for given in session.get_inputs()]
    wanted = {key: kind for key, kind in _TOLD.items() if not (cascade and key == "test_time_augmentation")}
    wanted |= _CASCADE if cascade else {}
    known = isinstance(metadata, dict) and all(isinstance(metadata.get(key), kind) for key, kind in wanted.items())
    if known and cascade:  # others are read in a way that went with version 0.1.0
        known = metadata["closeup"].get("looks") == 1 and metadata["reflections"] in ("none", "all")
    if not known:
        raise InputError(f"{path}: a model of another version of this workflow; train it again with this one.")
    if cascade:
        metadata["test_time_augmentation"] = "conditional" if metadata.get("second_opinion") else "none"
    return session, metadata | {"cascade": cascade}


def preparation(metadata: dict) -> tuple[int, bool]:
    """Side of the prepared images that a model takes, and whether they are squeezed, see `geometry.fit_square`."""
    return metadata["cache_size" if metadata["cascade"] else "image_size"], metadata["cascade"]
