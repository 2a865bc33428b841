"""What comes from elsewhere is data: no weights, arrays or configurations run code when they are read."""

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml

from fetal_biometry.digests import check_model, sha256_of
from fetal_biometry.errors import InputError
from fetal_biometry.images.cache import Arrays
from fetal_biometry.measure.api import PRETRAINED
from fetal_biometry.model.onnx_file import METADATA, open_model
from fetal_biometry.problems import YAML

ROOT = Path(__file__).parents[2]


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.write_text, (self.mark, "sprung")


def test_weights_are_read_as_data_and_nothing_else_reads_code():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "workflow").rglob("*.py")}
    nodes = [(path, node) for path, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [(path, node, ast.unparse(node.func)) for path, node in nodes]
    refused = {"pickle.load", "pickle.loads", "yaml.load", "eval", "exec", "os.system"}
    plain = {id(node) for _, node, name in calls if name == "yaml.load" and ast.unparse(node.args[1]) == "YAML"}
    assert YAML in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", None))
    assert [(path, name) for path, node, name in calls if name in refused and id(node) not in plain] == []
    loads = [(path, node) for path, node, name in calls if name == "torch.load"]
    assert len(loads) >= 2
    for path, node in loads:
        (allowed,) = (keyword.value for keyword in node.keywords if keyword.arg == "weights_only")
        assert ast.literal_eval(allowed) is True, path


def test_a_checkpoint_that_would_run_code_is_ignored(tmp_path, caplog):
    from fetal_biometry.model.training import Trainer  # torch, which the other tests need not

    mark, checkpoint = tmp_path / "mark", tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(pickle.dumps({"identity": "data", "history": Trap(mark)}, protocol=2))
    trainer = Trainer.__new__(Trainer)
    trainer.checkpoint, trainer.identity, trainer.device, trainer.history = checkpoint, "data", "cpu", []
    trainer._resume()
    assert not mark.exists() and trainer.history == []
    assert "training starts anew" in caplog.text


def test_a_model_or_an_array_that_would_run_code_is_refused(tmp_path):
    mark = tmp_path / "mark"
    for name in ("model.onnx", "train.npy"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(InputError, match="not a readable ONNX model"):
        open_model(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="pickled"):
        Arrays([tmp_path / "train.npy"])
    objects = np.array([Trap(mark)], dtype=object)
    np.save(tmp_path / "objects.npy", objects, allow_pickle=True)
    with pytest.raises(ValueError):
        Arrays([tmp_path / "objects.npy"])
    assert not mark.exists()


@pytest.mark.parametrize("told", [[], {}, {"kind": "heatmap"}, {"image_size": "256"}, {"closer_views": None}])
def test_a_model_that_does_not_say_how_to_be_read_is_refused(tmp_path, told):
    model = onnx.load(PRETRAINED)
    (metadata,) = (entry for entry in model.metadata_props if entry.key == METADATA)
    metadata.value = json.dumps({**json.loads(metadata.value), **told} if told and "kind" not in told else told)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(InputError, match="a model of another version of this workflow; train it again"):
        open_model(tmp_path / "model.onnx")


@pytest.mark.parametrize("card", ["model.md", "model_card.md"])
def test_a_model_that_is_not_its_card_s_is_refused(tmp_path, card):
    model = tmp_path / "model.onnx"
    with pytest.raises(InputError, match=r"model\.onnx: the model does not exist; give"):
        check_model(model)
    model.write_bytes(b"weights")
    check_model(model)  # without a card there is nothing to compare
    (tmp_path / card).write_text(f"# Model card\n\nThe file.s sha256 `{sha256_of(model)}`.\n")
    check_model(model)
    model.write_bytes(b"Weights")
    with pytest.raises(InputError, match=rf"not the model that .*{card} describes .*; take both from one run"):
        check_model(model)
