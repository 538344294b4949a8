# Tables: one row a run, medians over seeds, one row an evaluation, and the optimal critic through the same instruments.
rule collect:
    input:
        runs=run_files,
    output:
        summary=f"{RESULTS}/{{experiment}}/summary.parquet",
        curves=f"{RESULTS}/{{experiment}}/curves.parquet",
        evaluations=f"{RESULTS}/{{experiment}}/evaluations.parquet",
    log:
        f"{RESULTS}/logs/collect/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/collect/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=experiments_with_epochs(False),
    priority: 100
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        runs=runs_folder,
        grid=grid_json,
        code=code_hash("commands.collect"),
        epochs=lambda wildcards, output: ["--epochs", output.epochs] if "epochs" in output.keys() else [],
    shell:
        "mine collect {params.runs:q} --grid {params.grid:q} --experiment {wildcards.experiment:q}"
        " --summary {output.summary:q} --curves {output.curves:q} --evaluations {output.evaluations:q}"
        " {params.epochs:q} > {log:q} 2>&1"


# The same where traces have a row an epoch, which the write-up's own pictures are drawn from.
use rule collect as collect_epochs with:
    output:
        summary=f"{RESULTS}/{{experiment}}/summary.parquet",
        curves=f"{RESULTS}/{{experiment}}/curves.parquet",
        evaluations=f"{RESULTS}/{{experiment}}/evaluations.parquet",
        epochs=f"{RESULTS}/{{experiment}}/epochs.parquet",
    wildcard_constraints:
        experiment=experiments_with_epochs(True),


rule optimal:
    output:
        optimal=f"{RESULTS}/{{experiment}}/optimal.parquet",
    log:
        f"{RESULTS}/logs/optimal/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/optimal/{{experiment}}.tsv"
    # As the training of the first experiment: its figures wait for this too.
    priority: len(EXPERIMENTS)
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(120),
    params:
        grid=grid_json,
        code=code_hash("commands.optimal"),
    shell:
        "mine optimal --grid {params.grid:q} --output {output.optimal:q} > {log:q} 2>&1"
