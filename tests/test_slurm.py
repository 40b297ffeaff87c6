"""The graph on a real SLURM of one node, started here: its rules are SLURM jobs, and one that is killed is run again.

Every part is SLURM's own but two things that a test machine may lack: the node claims memory enough for what the
profile asks for, and its GPU is /dev/null.
"""

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
import yaml

from analysis import studies
from analysis.parameters import RunParameters
from report import contents

ROOT = Path(__file__).parent.parent
PROFILE = "profiles/slurm"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
SBIN = f"{os.environ['PATH']}:/usr/sbin"
EPOCHS, IMAGES = 30, 200  # long enough to be killed on the way
CHAPTERS = "verdicts,training,explorer"  # one that compares, one on a network, and the one with pictures
SMALL = f"archs=alexnet epochs={EPOCHS} width=0.125 train_images=240 test_images={IMAGES} calibration_images=48"
# Snakemake as its command starts it, but asking SLURM every second: the plugin waits ten seconds longer each time that
# no job has ended.
SNAKEMAKE = """
import asyncio
from snakemake.cli import main
wait = asyncio.sleep
asyncio.sleep = lambda seconds, *more: wait(min(seconds, 1), *more)
raise SystemExit(main())
"""
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MinJobAge=3600
ReturnToService=2
KillWait=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000 Gres=gpu:1
PartitionName=all Nodes=ALL Default=YES State=UP
"""


class Job(NamedTuple):
    id: str
    state: str
    rule: str


class Cluster:
    """A running SLURM: ``environment`` is what its commands need."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.configuration = folder / "slurm.conf"
        # A SLURM job's step is not told SLURM_CONF by Snakemake's plugin: this machine's own SLURM would get it.
        srun = folder / "bin/srun"
        srun.parent.mkdir()
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.configuration} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        paths = (str(srun.parent), str(Path(sys.executable).parent), os.environ["PATH"])
        self.environment = os.environ | {"SLURM_CONF": str(self.configuration), "PATH": ":".join(paths)}

    def configure(self) -> None:
        ports = free_ports(2)
        host = socket.gethostname().partition(".")[0]
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        text = CONFIGURATION.format(host=host, ports=ports, user=getpass.getuser(), folder=self.folder)
        self.configuration.write_text(text)
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")

    def start(self, program: str, *words: str) -> subprocess.Popen:
        with (self.folder / f"{program}.out").open("w") as output:
            command = [shutil.which(program, path=SBIN), "-D", *words]
            return subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)

    def ask(self, *words: str) -> str:
        """What a SLURM command prints; nothing if it fails."""
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False).stdout

    def idle(self) -> bool:
        return "idle" in self.ask("sinfo", "--noheader", "--format=%t").split()

    def jobs(self) -> list[Job]:
        """All jobs so far, in the order of their submission; the plugin writes the rule into a job's comment."""
        lines = self.ask("squeue", "--states=all", "--noheader", "--sort=i", "--format=%i|%T|%k").splitlines()
        split = (line.split("|") for line in lines)
        return [Job(id, state, re.match(r"rule_([a-z]+)", comment)[1]) for id, state, comment in split]

    def asked_for(self, rule: str) -> dict[str, str]:
        """What a rule's last job asked for, as SLURM tells it."""
        last = [job.id for job in self.jobs() if job.rule == rule][-1]
        return dict(re.findall(r"(\w+)=(\S+)", self.ask("scontrol", "show", "job", last)))


def free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [s.getsockname()[1] for s in sockets]


def until(happened: Callable[[], bool], process: subprocess.Popen, seconds: float) -> bool:
    """Whether it happened within that time, while ``process`` ran."""
    deadline = time.monotonic() + seconds
    while not happened():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    return True


def end(process: subprocess.Popen, seconds: float = 30) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """SLURM's two daemons, as this user, on free ports, with all that they write in a folder of this test's."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=SBIN) is None]
    if missing:
        pytest.skip(f"Debian's slurm-wlm is not installed: no {', '.join(missing)}")
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    cluster.configure()
    controller = cluster.start("slurmctld", "-i")
    node = cluster.start("slurmd")
    try:
        if not until(cluster.idle, node, 120):
            said = [(cluster.folder / f"{name}.out").read_text()[-500:] for name in ("slurmctld", "slurmd")]
            pytest.skip(f"SLURM does not start here: {said}")
        yield cluster
        cluster.ask("scancel", "--user", getpass.getuser())
        until(lambda: not cluster.ask("squeue", "--noheader"), node, 30)
    finally:
        end(node)
        end(controller)


@pytest.fixture(scope="module")
def book(cluster, tmp_path_factory) -> Path:
    """The default study, tiny, with the profile; its training killed after the first checkpoint."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("analysis", "book", "profiles", "report", "studies"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
    for name in ("Snakefile", "_config.yml"):
        shutil.copy2(ROOT / name, checkout)
    faster = "--set-threads train=1 --slurm-status-command squeue --slurm-init-seconds-before-status-checks 1"
    words = ["--workflow-profile", PROFILE, *faster.split(), "--config", *SMALL.split(), f"chapters={CHAPTERS}"]
    environment = cluster.environment | {"PYTHONPATH": str(checkout)}
    environment.pop("AVH_DATA", None)
    log = checkout / "snakemake.log"
    with log.open("w") as output:
        command = [sys.executable, "-c", SNAKEMAKE, *words]
        snakemake = subprocess.Popen(command, cwd=checkout, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        run = checkout / "results/synthetic/alexnet"
        assert until(lambda: any(run.glob("checkpoint-*.pt")), snakemake, 400), log.read_text()[-3000:]
        (training,) = (job for job in cluster.jobs() if job.rule == "train")
        cluster.ask("scancel", "--signal=KILL", training.id)
        assert snakemake.wait(900) == 0, log.read_text()[-3000:]
    finally:
        end(snakemake)
    return checkout


def test_every_rule_but_the_local_ones_is_a_slurm_job(cluster, book):
    (study,) = studies.read_studies({"archs": "alexnet", "chapters": CHAPTERS}).values()
    done = Counter(job.rule for job in cluster.jobs() if job.state == "COMPLETED")
    of_network = contents.of_network(study)
    pages = {"chapter": len(of_network) - 1, "explorer": 1, "comparison": len(contents.of_study(study))}
    assert done == {"data": 1, "train": 1, "pages": 1} | pages
    assert (book / "_build/html/index.html").is_file()


def test_a_killed_job_is_run_again_to_the_end(cluster, book):
    training = [job.state for job in cluster.jobs() if job.rule == "train"]
    assert training == ["CANCELLED", "COMPLETED"]
    run = book / "results/synthetic/alexnet"
    rows = {name: pq.read_metadata(run / f"{name}.parquet").num_rows for name in ("scores", "epochs", "iterations")}
    steps = RunParameters().probed_steps
    assert rows == {"scores": IMAGES, "epochs": (EPOCHS + 1) * IMAGES, "iterations": (steps + 1) * IMAGES}
    assert pq.read_metadata(run / "training.parquet").num_rows == EPOCHS
    assert not list(run.glob("checkpoint-*.pt"))


def test_jobs_ask_for_what_the_profile_says(cluster, book):
    profile = yaml.safe_load((ROOT / PROFILE / "config.yaml").read_text())
    for rule in ("train", "chapter"):
        says = profile["default-resources"] | profile["set-resources"].get(rule, {})
        asked = cluster.asked_for(rule)
        assert asked["MinMemoryNode"] == f"{says['mem_mb']}M"
        assert minutes(asked["TimeLimit"]) == says["runtime"]
    assert cluster.asked_for("train")["TresPerJob"] == "gres:gpu:1"
    assert "TresPerJob" not in cluster.asked_for("chapter")


def minutes(text: str) -> float:
    """SLURM's days-hours:minutes:seconds."""
    days, clock = text.split("-") if "-" in text else ("0", text)
    hours, mins, seconds = map(int, clock.split(":"))
    return int(days) * 1440 + hours * 60 + mins + seconds / 60
