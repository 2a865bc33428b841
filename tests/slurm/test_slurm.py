"""The workflow on a Slurm cluster: folds and shards as its jobs, and results as of a run on this machine."""

import subprocess
from importlib.util import find_spec

import pytest
from small_run import ARGUMENTS, assert_same, make_small

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def houses(cluster, copy_workflow, tmp_path_factory):
    """The same small run twice: by this machine, and by the cluster, with what that said."""
    if not find_spec("snakemake_executor_plugin_slurm"):
        pytest.skip("no Slurm executor for Snakemake; pip install -r requirements-slurm.txt")
    here, there = (copy_workflow(tmp_path_factory.mktemp(name)) for name in ("here", "there"))
    for house in (here, there):
        make_small(house, epochs=2, calibrate_on="out_of_fold", more="folds: 2\n")
    here.snakemake(*ARGUMENTS)
    profile = ("--profile", "profiles/slurm", "--max-threads", "2", "--latency-wait", "5", "--slurm-no-account")
    watch = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1")
    said = there.snakemake(*profile, *watch, *ARGUMENTS, env=cluster).stdout
    return here.folder / "results" / "phantom", there.folder / "results" / "phantom", said


def test_tables_and_weights_are_those_of_a_run_on_this_machine(houses):
    here, there, _ = houses
    assert_same(there, here, ("small", "small/fold_0", "small/fold_1"))


def test_trainings_and_shards_were_jobs_of_the_cluster(houses, cluster):
    _, _, said = houses
    jobs = [line for line in said.splitlines() if "SLURM jobid" in line]
    assert len(jobs) > 15
    states = subprocess.run(["squeue", "-h", "-t", "all", "-o", "%T"], env=cluster, capture_output=True, text=True)
    assert states.stdout.split().count("COMPLETED") == len(jobs)
