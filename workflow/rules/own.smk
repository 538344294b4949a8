# How good is `mine estimate` on tasks of known mutual information, beside other packages? Every job is a method on some
# draws of one task, so what was made stays made. Made by `snakemake own`, not by `snakemake`.
rule own_peer:
    input:
        requirements=f"{OWN_PEERS}/{{peer}}.txt",
    output:
        status=f"{OWN}/peers/{{peer}}.json",
    log:
        f"{RESULTS}/logs/own/peer_{{peer}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/own_peer/{{peer}}.tsv"
    wildcard_constraints:
        peer=one_of(OWN_PEER_NAMES),
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(4000),
        runtime=grows(60),
    params:
        folder=f"{OWN}/peers/{{peer}}",
    shell:
        "mine reach environment --requirements {input.requirements:q} --folder {params.folder:q}"
        " --output {output.status:q} > {log:q} 2>&1"


rule own_cell:
    input:
        unpack(own_environment),
    output:
        table=f"{OWN}/cells/rows={{rows}}/method={{method}}/task={{task}}/first={{first}}.parquet",
    log:
        f"{RESULTS}/logs/own/{{rows}}_{{method}}_{{task}}_{{first}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/own_cell/{{rows}}_{{method}}_{{task}}_{{first}}.tsv"
    wildcard_constraints:
        rows=one_of({cell.rows for cell in OWN_CELLS.values()}),
        method=one_of(OWN_METHODS),
        task=one_of(OWN_TASKS),
        first=r"\d+",
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(4000),
        runtime=grows(240),
    params:
        plan=json.dumps({"settings": OWN_PLAN.settings}),
        # Not on the command line, which knows it by the method's name.
        settings=lambda wildcards: dict(OWN_METHODS[wildcards.method].settings),
        draws=own_draws,
        peer=own_peer_options,
        code=own_cell_code,
        torch=metadata.version("torch").partition("+")[0],
    shell:
        "mine reach cell --plan {params.plan:q} --method {wildcards.method:q} --task {wildcards.task:q}"
        " --rows {wildcards.rows:q} --first {wildcards.first:q} --draws {params.draws} {params.peer:q}"
        " --output {output.table:q} > {log:q} 2>&1"


rule own_null:
    output:
        table=f"{OWN}/nulls/kind={{kind}}/first={{first}}.parquet",
    log:
        f"{RESULTS}/logs/own/null_{{kind}}_{{first}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/own_null/{{kind}}_{{first}}.tsv"
    wildcard_constraints:
        kind=one_of(OWN_PLAN.nulls),
        first=r"\d+",
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(120),
    params:
        plan=json.dumps({"null_rows": OWN_PLAN.null_rows, "null_settings": OWN_PLAN.null_settings}),
        draws=lambda wildcards, output: OWN_NULLS[output.table],
        code=lambda wildcards: code_hash("reach.measured"),
        torch=metadata.version("torch").partition("+")[0],
    shell:
        "mine reach null --plan {params.plan:q} --kind {wildcards.kind:q} --first {wildcards.first:q}"
        " --draws {params.draws} --output {output.table:q} > {log:q} 2>&1"


rule own_judge:
    input:
        cells=own_cells(OWN_TARGET),
        nulls=list(OWN_NULLS),
    output:
        **{table: f"{OWN}/{table}.parquet" for table in OWN_TABLES},
    log:
        f"{RESULTS}/logs/own/judge.log",
    benchmark:
        f"{RESULTS}/benchmarks/own_judge/judge.tsv"
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        plan=OWN_PLAN.to_json(),
        cells=own_folder("cells"),
        nulls=own_folder("nulls"),
        folder=own_folder(""),
        code=lambda wildcards: code_hash("reach.tables", "reach.aims"),
    shell:
        "mine reach judge --plan {params.plan:q} --cells {params.cells:q} --null {params.nulls:q}"
        " --output {params.folder:q} > {log:q} 2>&1"


# Other methods, other numbers of pairs: a table of the same kind, made by a target of its own.
rule own_further:
    input:
        cells=lambda wildcards: own_cells(OWN_FURTHER[wildcards.further]),
    output:
        table=f"{OWN}/{{further}}.parquet",
    log:
        f"{RESULTS}/logs/own/{{further}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/own_further/{{further}}.tsv"
    wildcard_constraints:
        further=one_of(OWN_FURTHER),
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        plan=OWN_PLAN.to_json(),
        target=lambda wildcards: OWN_FURTHER[wildcards.further],
        cells=own_folder("cells"),
        code=lambda wildcards: code_hash("reach.tables"),
    shell:
        "mine reach table --plan {params.plan:q} --target {params.target:q} --cells {params.cells:q}"
        " --output {output.table:q} > {log:q} 2>&1"


rule own_figure:
    input:
        unpack(own_figure_tables),
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/own/{{figure}}"),
            caption="../report/figure.rst",
            category=REPORT_FIGURES,
            subcategory="own",
            labels={"experiment": "own", "figure": "{figure}", "setting": "all"},
        ),
    log:
        f"{RESULTS}/logs/figures/own/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/own/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(n for n, spec in FIGURES.items() if spec.of == "own"),
    priority: 100
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        tables=OWN,
        code=figure_code,
    shell:
        "mine figures {wildcards.figure:q} --experiment-dir {params.tables:q} --output {output.svg:q} > {log:q} 2>&1"
