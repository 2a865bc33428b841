"""What the three ways to install (pip, conda, pyproject) promise, checked against each other."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
PYPI_NAMES = {"matplotlib-base": "matplotlib", "pytorch-cpu": "torch", "snakemake-minimal": "snakemake"}
UNPINNED_BY_PIP = {"pip", "python"}
DISTRIBUTIONS = packages_distributions()
MATCH_SPEC = re.compile(r"([a-z0-9][a-z0-9_.-]*) =(\d+(?:\.\d+)*)")


def read_pins(name: str) -> dict[str, str]:
    """Version of each package a requirements file names; fails on a line that is no exact pin."""
    pins = {}
    for line in (ROOT / name).read_text().splitlines():
        if line.startswith(("#", "-r ")):
            continue
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)==(\d+(?:\.\d+)*(?:\.post\d+)?)", line)
        assert match, f"{name}: {line!r} is no exact pin"
        package = canonicalize_name(match[1])
        assert package not in pins, f"{name}: {package} is pinned twice"
        pins[package] = match[2]
    return pins


@functools.cache
def read_environment(path: Path) -> tuple[dict[str, str], dict]:
    """Version of each package of a conda environment, by its PyPI name, and the whole document."""
    document = yaml.safe_load(path.read_text())
    pins = {}
    for entry in document["dependencies"]:
        if isinstance(entry, dict):
            assert set(entry) == {"pip"}
            pins |= {Requirement(line).name: str(Requirement(line).specifier)[2:] for line in entry["pip"]}
        else:
            match = MATCH_SPEC.fullmatch(entry)
            assert match, f"{path.name}: {entry!r} is not 'name =1.2.3'"
            pins[PYPI_NAMES.get(match[1], match[1])] = match[2]
    return pins, document


@functools.cache
def imported_names(path: Path, whole: bool) -> frozenset[str]:
    """Modules that a Python file imports: anywhere in it, or only those its own import brings along."""
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree)) if whole else tree.body
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
            if node.module == "fetal_biometry":
                names |= {f"fetal_biometry.{alias.name}" for alias in node.names}
    return frozenset(names)


def needed_packages(names: set[str], whole: bool) -> set[str]:
    """PyPI packages that these modules import, followed through the modules of fetal_biometry."""
    packages, seen, queue = set(), set(), list(names)
    while queue:
        name = queue.pop()
        top = name.partition(".")[0]
        if name in seen or top in sys.stdlib_module_names:
            continue
        seen.add(name)
        if top == "fetal_biometry" or (SCRIPTS / f"{top}.py").exists():
            module = SCRIPTS / f"{name.replace('.', '/')}.py"
            queue += imported_names(module, whole) if module.exists() else []
        else:
            packages.add(canonicalize_name(DISTRIBUTIONS[top][0]))
    return packages


def test_pins_are_exact_and_plain():
    runtime, test = read_pins("requirements.txt"), read_pins("requirements-test.txt")
    assert not set(runtime) & set(test)
    assert "-r requirements.txt" in (ROOT / "requirements-test.txt").read_text().splitlines()
    assert not [name for name in runtime if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_pins_satisfy_the_direct_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = read_pins("requirements.txt")
    groups = [(project["project"]["dependencies"], pins)]
    groups += [(project["dependency-groups"]["test"], pins | read_pins("requirements-test.txt"))]
    for requirements, available in groups:
        for requirement in map(Requirement, requirements):
            assert available[canonicalize_name(requirement.name)] in requirement.specifier, requirement


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_is_pinned_like_requirements(path):
    pins, document = read_environment(path)
    assert document["channels"][0] == "conda-forge"
    assert document["channels"][-1] == "nodefaults"
    assert set(document["channels"]) <= {"conda-forge", "bioconda", "nodefaults"}
    assert UNPINNED_BY_PIP - {"pip"} <= set(pins)
    assert ("pip" in pins) == any(isinstance(entry, dict) for entry in document["dependencies"])
    expected = read_pins("requirements.txt") | read_pins("requirements-sr.txt")
    assert {name: pins[name] for name in set(pins) - UNPINNED_BY_PIP} == {
        name: expected.get(name) for name in set(pins) - UNPINNED_BY_PIP
    }


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_conda_reads_each_environment_as_it_is_meant(path):
    """Rattler, which reads match specs as conda does, finds one version in each, and the channels of conda-forge."""
    document, build = yaml.safe_load(path.read_text()), rattler.BuildString("0")
    for entry in (entry for entry in document["dependencies"] if isinstance(entry, str)):
        name, version = entry.split(" =")
        spec = rattler.MatchSpec(entry, strict=True)
        assert spec.name.normalized == name and spec.channel is None and spec.build is None
        for given, fits in ((version, True), (f"{version}.1", True), (f"{version}9", False), ("0.0.1", False)):
            record = rattler.PackageRecord(name, given, build, 0, "noarch")
            assert spec.matches(record) == fits, (entry, given)
    addresses = [rattler.Channel(name).base_url for name in document["channels"] if name != "nodefaults"]
    assert all(re.fullmatch(r"https://conda\.anaconda\.org/(conda-forge|bioconda)/", address) for address in addresses)


def test_environments_share_one_python():
    assert len({read_environment(path)[0]["python"] for path in ENVIRONMENTS}) == 1


def test_code_imports_only_what_is_required():
    names = set().union(*(imported_names(path, whole=True) for path in (ROOT / "workflow").rglob("*.py")))
    required = read_pins("requirements.txt") | read_pins("requirements-sr.txt")
    assert needed_packages(names, whole=True) <= set(required)
    assert set(required) - set(read_pins("requirements.txt")) == {"highdicom", "pyjpegls"}


def test_each_rule_gets_an_environment_with_what_its_script_imports():
    for rules in (ROOT / "workflow/rules").glob("*.smk"):
        for block in re.split(r"^(?=rule |checkpoint )", rules.read_text(), flags=re.M)[1:]:
            script = re.search(r'^    script:\s+"(.+)"', block, flags=re.M)
            if not script:
                continue
            conda = re.search(r'^    conda:\s+"(.+)"', block, flags=re.M)
            assert conda, f"{rules.name}: {block.splitlines()[0]} names no conda environment"
            pins, _ = read_environment(rules.parent / conda[1])
            needed = needed_packages(imported_names(rules.parent / script[1], whole=True), whole=True)
            assert needed <= set(pins), f"{rules.name}: {conda[1]} lacks {needed - set(pins)} for {script[1]}"


def test_the_workflow_environment_can_read_the_workflow():
    """Reading it runs no function that imports more, so what the modules import at their top is enough."""
    pins, _ = read_environment(ROOT / "envs/workflow.yaml")
    names = set()
    for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        text = path.read_text() if path.exists() else ""
        for module, imported in re.findall(r"^(?:from|import) ([\w.]+)(?: import (.+))?", text, flags=re.M):
            names |= {module}
            if module == "fetal_biometry":
                names |= {f"{module}.{name}" for name in re.findall(r"\w+", imported)}
    assert needed_packages(names, whole=False) <= set(pins)


def test_measuring_needs_only_its_own_small_requirements():
    small, runtime = read_pins("requirements-measure.txt"), read_pins("requirements.txt")
    assert small.items() <= runtime.items() and not {"torch", "onnx"} & set(small)
    rules = {
        "prepare_images",
        "predict_landmarks",
        "measure_heads",
        "evaluate_model",
        "join_images",
        "publish_results",
        "render_report",
    }
    assert needed_packages({"measure_image", "fetal_biometry.plan", *rules}, whole=False) <= set(small)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {canonicalize_name(name) for name in project["dependency-groups"]["measure"]} <= set(small)


def test_a_plan_of_a_folder_needs_no_imaging_library(tmp_path):
    """The environment that runs Snakemake has none."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "001_HC.png").touch()
    plan = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
for missing in ("numpy", "cv2", "PIL", "pandas", "onnxruntime", "torch", "pydicom"):
    sys.modules[missing] = None
from fetal_biometry.configuration import read_config
from fetal_biometry.limits import read_limits
from fetal_biometry.plan import write_plan
from fetal_biometry.run_recipes import read_recipes
root, folder = Path(sys.argv[3]), Path(sys.argv[2])
limits = read_limits(root / "limits.yaml")
labelled = {"dataset": "hc18", "data_root": sys.argv[2], "image_folder": "images"}
for given in ({"images": str(folder / "images")}, labelled):
    config = read_config(given)
    recipes = read_recipes(config, [root / "recipes"])
    plan = write_plan(config, recipes, limits, folder / "plan", folder / "phantoms", folder / "index.json")
    assert len(plan.parts) == 1, plan
"""
    subprocess.run([sys.executable, "-c", plan, str(SCRIPTS), str(tmp_path), str(ROOT)], check=True)


def test_the_container_copies_what_is_there_and_installs_what_is_pinned():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    assert all((ROOT / name).exists() for name in copied)
    files = {"Snakefile", "config.yaml", "limits.yaml", "bench.yaml", "requirements.txt", "requirements-measure.txt"}
    assert copied == files | {"recipes", "datasets", "envs", "profiles", "resources", "workflow"}
    (base,) = (line.split(":")[1] for line in lines if line.startswith("FROM "))
    pins, _ = read_environment(ROOT / "envs/measure.yaml")
    assert base.startswith(f"{pins['python']}-slim")
    assert "ARG REQUIREMENTS=requirements-measure.txt" in lines
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "results", "resources/data"} <= set(ignored) and not copied & set(ignored)
