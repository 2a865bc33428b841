"""Which modules a rule's script imports, and that an edit of one therefore runs the rule again."""

import ast
from pathlib import Path

import pytest

from fetal_biometry.imports import imported, modules

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
MODULES = {
    "rule.py": "import numpy\nfrom lib import direct\nfrom lib.sub.deep import thing\n",
    "other.py": "",
    "lib/__init__.py": "",
    "lib/direct.py": "def later():\n    from lib.lazy import x\n",
    "lib/lazy.py": "import lib.plain\n",
    "lib/plain.py": "x = 1\n",
    "lib/unused.py": "x = 1\n",
    "lib/sub/__init__.py": "from lib.sub.listed import x\n",
    "lib/sub/listed.py": "x = 1\n",
    "lib/sub/deep.py": "thing = 1\n",
}


def test_the_modules_of_a_rule_follow_its_imports(tmp_path):
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {str(Path(path).relative_to(tmp_path)) for path in modules(tmp_path, "rule")}
    assert found == set(MODULES) - {"other.py", "lib/__init__.py", "lib/unused.py"}


def test_a_new_setting_trains_nothing_anew():
    package = SCRIPTS / "fetal_biometry"
    for rule in ("prepare_images", "audit_labels", "render_heatmaps", "train_model", "predict_landmarks"):
        found = modules(SCRIPTS, rule)
        assert not {str(package / "configuration.py"), str(package / "plan.py")} & set(found)
        assert str(package / "job.py") in found


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_no_import_of_the_package_is_overlooked(path):
    """The modules are read without Python's own parser, which takes twenty times as long."""
    wanted = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("fetal_biometry"):
            names = [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
            wanted |= {SCRIPTS / f"{name.replace('.', '/')}.py" for name in names}
            wanted |= {SCRIPTS / name.replace(".", "/") / "__init__.py" for name in names}
    assert {file for file in wanted if file.is_file()} <= set(imported(SCRIPTS, path))
