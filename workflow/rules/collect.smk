# Tables, whose names follow from the figures that an experiment asks for (mine.experiments.tables_of); what trains
# nothing, estimated on the same tasks; and the optimal critic through the same instruments.
for experiment in ESTIMATED:

    rule:
        name:
            f"collect_{experiment}"
        input:
            runs=run_files,
            baselines=baseline_table,
        output:
            **{table: f"{RESULTS}/{{experiment}}/{table}.parquet" for table in tables_of(EXPERIMENTS[experiment])},
        log:
            f"{RESULTS}/logs/collect/{{experiment}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/collect/{{experiment}}.tsv"
        wildcard_constraints:
            experiment=re.escape(experiment),
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
            tables=table_options,
            code=lambda wildcards: code_hash("commands.collect"),
        shell:
            "mine collect {params.runs:q} --grid {params.grid:q} --experiment {wildcards.experiment:q}"
            " {params.tables:q} > {log:q} 2>&1"


rule baselines:
    output:
        table=f"{RESULTS}/{{experiment}}/baselines.parquet",
    log:
        f"{RESULTS}/logs/baselines/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/baselines/{{experiment}}.tsv"
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(4000),
        runtime=grows(120),
    params:
        grid=grid_json,
        names=lambda wildcards: ",".join(EXPERIMENTS[wildcards.experiment]["baselines"]),
        code=baselines_code,
    shell:
        "mine baselines --grid {params.grid:q} --experiment {wildcards.experiment:q} --names {params.names}"
        " --output {output.table:q} > {log:q} 2>&1"


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
        code=lambda wildcards: code_hash("commands.optimal"),
    shell:
        "mine optimal --grid {params.grid:q} --output {output.optimal:q} > {log:q} 2>&1"
