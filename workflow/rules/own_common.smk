# The jobs of `snakemake own`: their files, and what each is asked.
OWN = f"{RESULTS}/own"
OWN_PLAN = OwnPlan.from_dict(config.get("own", {}))
OWN_CELLS = {f"{OWN}/cells/{path}": cell for path, cell in OWN_PLAN.jobs().items()}
OWN_NULLS = {f"{OWN}/nulls/kind={kind}/first={first}.parquet": count for kind, first, count in OWN_PLAN.null_blocks()}
OWN_FURTHER = {own_table_of(target): target for target in OWN_PLAN.further}
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
    return cell_code_hash(wildcards.method, wildcards.task)


def own_draws(wildcards, output):
    """How many draws a job of cells has."""
    return OWN_CELLS[output.table].draws


def own_folder(name):
    """A function for params: the folder of one kind of result."""
    return lambda wildcards: f"{OWN}/{name}" if name else OWN


def own_cells(target):
    """The tables of the jobs that a target's table is made from."""
    return [f"{OWN}/cells/{cell.path}" for cell in OWN_PLAN.cells(target)]


def own_further(target):
    """The table that a target adds to those of `own`, where it adds one, and the figures that need no table but it."""
    if target not in OWN_PLAN.further:
        return []
    table = own_table_of(target)
    names = [name for name, spec in FIGURES.items() if spec.of == "own" and spec.needs == (table,)]
    figures = [file for name in names for file in figure_files(f"{RESULTS}/figures/own/{name}").values()]
    return [f"{OWN}/{table}.parquet", *figures]


def own_figure_tables(wildcards):
    """The tables that a figure is drawn from, by name; of those that it can do without, which there are."""
    spec = FIGURES[wildcards.figure]
    tables = {table: f"{OWN}/{table}.parquet" for table in (*spec.needs, *spec.optional)}
    return {table: path for table, path in tables.items() if table in spec.needs or Path(path).exists()}
