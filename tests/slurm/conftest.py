"""A Slurm cluster of one node on the loopback, from Debian's packages; `make test-slurm` runs what needs it."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
FOUND_BY_JOBS = Path("/run/slurm/conf/slurm.conf")  # the executor keeps SLURM_CONF from them
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={port}
SlurmdPort={node_port}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
MinJobAge=600
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory}
PartitionName=main Nodes=node Default=YES MaxTime=INFINITE State=UP
"""


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Environment variables under which Slurm's programs find the cluster."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.skip(f"no {', '.join(missing)}; Debian: apt-get install slurmctld slurmd slurm-client munge")
    if os.geteuid():
        pytest.skip("slurmd starts jobs as their users, for which it must be root")
    if Path("/etc/slurm/slurm.conf").exists() or FOUND_BY_JOBS.exists():
        pytest.skip("this machine belongs to a cluster already")
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    values = {"host": socket.gethostname(), "user": "root", "folder": folder, "port": free_port()}
    values |= {"node_port": free_port(), "cores": os.cpu_count(), "memory": memory}
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**values))
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    munged = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munged += [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"]
    with ExitStack() as running:
        FOUND_BY_JOBS.parent.mkdir(parents=True, exist_ok=True)
        FOUND_BY_JOBS.symlink_to(folder / "slurm.conf")
        running.callback(FOUND_BY_JOBS.unlink)
        for command in (munged, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-N", "node"]):
            log = running.enter_context(open(folder / f"{command[0]}.out", "w"))
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
            running.callback(process.wait, timeout=20)
            running.callback(process.terminate)
            time.sleep(1)
        wait_for_node(environment, folder)
        yield environment


def wait_for_node(environment: dict, folder: Path) -> None:
    """Until the node takes jobs; with what the daemons said where it never does."""
    for _ in range(40):
        said = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True, check=False)
        if said.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    logs = "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in sorted(folder.glob("*.out")))
    pytest.fail(f"the node takes no jobs ({said.stdout.strip()} {said.stderr.strip()})\n{logs}")
