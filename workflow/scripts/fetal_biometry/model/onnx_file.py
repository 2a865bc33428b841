"""An exported model's file: the network, and in its metadata how to read its output."""

import json

import onnxruntime

from fetal_biometry.errors import InputError

METADATA = "fetal_biometry"
_TOLD = {
    "kind": str, "image_size": int, "decoder": str, "sigma_cells": float | int, "test_time_augmentation": str,
    "closer_views": list, "closer_size": int,
}  # fmt: skip


def open_model(path) -> tuple[onnxruntime.InferenceSession, dict]:
    """A model of this workflow, and its metadata.

    Raises
    ------
    InputError
        When the file is no ONNX model or none of this workflow, as it is now.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
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
    known = isinstance(metadata, dict) and all(isinstance(metadata.get(key), kind) for key, kind in _TOLD.items())
    presence = metadata.get("calibration", {}).get("presence") if known else None
    if not known or (presence and "network" not in presence):
        raise InputError(f"{path}: a model of another version of this workflow; train it again with this one.")
    return session, metadata
