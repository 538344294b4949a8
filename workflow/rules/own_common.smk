# The jobs of `snakemake own`: their files, and what each is asked.
OWN = f"{RESULTS}/own"
OWN_PLAN = OwnPlan.from_dict(config.get("own", {}))
OWN_TABLES = ("estimates", "nulls", "aims")
OWN_CELLS = {f"{OWN}/cells/{cell.path}": cell for cell in OWN_PLAN.cells()}
OWN_NULLS = {f"{OWN}/nulls/kind={kind}/first={first}.parquet": count for kind, first, count in OWN_PLAN.null_blocks()}
# What is asked of other packages, and what each needs.
OWN_PEERS = Path(workflow.basedir) / "benchmarks" / "peers"


def own_environment(wildcards):
    """The status of the environment of another package's method, and the script that asks it."""
    peer = OWN_METHODS[wildcards.method].peer
    script = OWN_PEERS / f"ask_{peer.replace('-', '_')}.py"
    return {"environment": f"{OWN}/peers/{peer}.json", "script": str(script)} if peer else {}


def own_peer_options(wildcards, input):
    """Where another package's method finds them."""
    return [part for name, path in input.items() for part in (f"--{name}", str(path))]


def own_cell_code(wildcards):
    """Hash of the code that a cell depends on."""
    measures = "reach.peers" if OWN_METHODS[wildcards.method].peer else "reach.measured"
    return code_hash(measures, *(f"tasks.{name}" for name in modules_of(wildcards.task)))


def own_draws(wildcards, output):
    """How many draws a job of cells has."""
    return OWN_CELLS[output.table].draws


def own_folder(name):
    """A function for params: the folder of one kind of result."""
    return lambda wildcards: f"{OWN}/{name}" if name else OWN
