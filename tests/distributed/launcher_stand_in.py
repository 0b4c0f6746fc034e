#!/usr/bin/env python3
"""A Python for the scripts that start several processes: it notes how it is called.

It is the launcher (what MindSpore's msrun does: a process per rank with its log, all ended when one fails) and each
of the ranks, which do nothing but wait to be stopped. Everything else is done by the real Python.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

NOTED = ("ASCEND_RT_VISIBLE_DEVICES", "HCCL_CONNECT_TIMEOUT", "MS_NODE_ID", "RANK_JOB", "OMP_NUM_THREADS")


def note(kind):
    call = {"kind": kind, "arguments": sys.argv[1:], **{name: os.environ.get(name) for name in NOTED}}
    call["cores"] = sorted(os.sched_getaffinity(0))
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(json.dumps(call) + "\n")


def launcher():
    note("launcher")
    options, position = {}, 3
    while sys.argv[position].startswith("--"):
        options[sys.argv[position]] = sys.argv[position + 1]
        position += 2
    if os.environ.get("SLOW_START"):
        time.sleep(60)
    local, first = int(options["--local_worker_num"]), 0
    if "--node_rank" in options:
        first = int(options["--node_rank"]) * local
    folder = Path(options["--log_dir"])
    ranks = []
    for rank in range(first, first + local):
        with open(folder / f"worker_{rank}.log", "w") as log:
            ranks.append(
                subprocess.Popen(
                    ["python", *sys.argv[position:]],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env={**os.environ, "MS_NODE_ID": str(rank), "DEVICE_ID": str(rank - first)},
                )
            )
    while True:
        codes = [rank.poll() for rank in ranks]
        failed = [index for index, code in enumerate(codes) if code]
        if failed:
            code = codes[failed[0]]
            print(
                f"[ERROR] Worker process {ranks[failed[0]].pid} exit with exception. Error code: {code}.", flush=True
            )
            for rank in ranks:
                if rank.poll() is None:
                    os.killpg(rank.pid, signal.SIGKILL)
            sys.exit(1)
        if None not in codes:
            sys.exit(0)
        time.sleep(0.05)


def rank():
    note("rank")
    number = int(os.environ["MS_NODE_ID"])
    stopping = Path(os.environ["CALLS"]).with_name("stopping")

    def stop(signum, frame):
        print("asked to stop by", signal.Signals(signum).name, flush=True)
        if os.environ.get("DEAF"):
            return
        time.sleep(0.3)
        print("saved", flush=True)
        stopping.touch()
        sys.exit(128 + signum)

    signal.signal(signal.SIGTERM, stop)
    print("[WARNING] noise of a thread\nrank", number, "works", flush=True)
    if os.environ.get("CHILD"):  # as the processes that load data
        subprocess.Popen(["sleep", "50"])
    if os.environ.get("FAILING") in (str(number), "all"):
        time.sleep(0.3)
        print("error: no more memory", flush=True)
        sys.exit(3)
    if os.environ.get("KILLED") == str(number):
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("WAIT") or os.environ.get("FAILING") or os.environ.get("KILLED"):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if number and stopping.exists():
                sys.exit(143)
            time.sleep(0.05)


if sys.argv[1:3] == ["-m", "mindspore.parallel.cluster.run"]:
    launcher()
elif sys.argv[1].endswith("train.py"):
    if "MS_NODE_ID" in os.environ:
        rank()
    else:
        note("alone")
else:
    os.execv(os.environ["REAL_PYTHON"], [os.environ["REAL_PYTHON"], *sys.argv[1:]])
