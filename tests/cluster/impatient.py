"""Snakemake, but that it looks every second whether its jobs on the cluster have ended.

The SLURM plugin waits ten seconds longer after each look at which none had, whatever its options say.
"""

import asyncio
import runpy
import sys
from pathlib import Path

from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def _a_second(_executor: RemoteExecutor) -> None:
    await asyncio.sleep(1)


RemoteExecutor.sleep = _a_second
sys.path[0] = str(Path.cwd())  # as with python -m snakemake
runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
