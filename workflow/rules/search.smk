# Which settings made the write-up's pictures? A chain of stages, each of `chunks` jobs, planned by the runs of those
# before it; then everything is ranked and judged. Made by `snakemake search`, not by `snakemake`.
SEARCH = f"{RESULTS}/search"
SIZE = SearchSize.from_dict(config.get("search", {}))
SEARCH_SIZE = json.dumps(SIZE.to_dict())
SEARCH_TABLES = ("ranking", "judged", "numbers", "moves", "plausible", "counts", "runs")

# The tables of runs of each stage.
SEARCH_RUNS = {
    stage: [f"{SEARCH}/runs/{stage}/{chunk}.parquet" for chunk in range(SIZE.chunks)] for stage in SEARCH_STAGES
}


rule search_plan:
    input:
        runs=lambda wildcards: [file for stage in SEARCH_STAGES[wildcards.stage] for file in SEARCH_RUNS[stage]],
    output:
        plan=f"{SEARCH}/plans/{{stage}}.json",
    log:
        f"{RESULTS}/logs/search/plan_{{stage}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/search_plan/{{stage}}.tsv"
    wildcard_constraints:
        stage="|".join(SEARCH_STAGES),
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
        runs=f"{SEARCH}/runs",
        size=SEARCH_SIZE,
        code=lambda wildcards: code_hash("search.stages"),
    shell:
        "mine search plan --stage {wildcards.stage:q} --size {params.size:q} --runs {params.runs:q}"
        " --output {output.plan:q} > {log:q} 2>&1"


# A rule for each stage, because Snakemake gives priorities to rules: what others wait for comes first, and last what
# nothing waits for.
for waiting, stage in enumerate(reversed(SEARCH_STAGES), start=1):

    rule:
        name:
            f"search_{stage}"
        input:
            plan=f"{SEARCH}/plans/{{stage}}.json",
        output:
            runs=f"{SEARCH}/runs/{{stage}}/{{chunk}}.parquet",
        log:
            f"{RESULTS}/logs/search/{{stage}}_{{chunk}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/search_run/{{stage}}_{{chunk}}.tsv"
        wildcard_constraints:
            stage=re.escape(stage),
            chunk=r"\d+",
        priority: waiting
        conda:
            CONDA_ENV
        threads: 1
        resources:
            gpu=config["gpus_per_job"],
            mem_mb=grows(2000),
            runtime=training_minutes,
        params:
            chunks=SIZE.chunks,
            device=config["device"],
            code=lambda wildcards: code_hash("search.running"),
            torch=metadata.version("torch").partition("+")[0],
        shell:
            "mine search run --stage {wildcards.stage:q} --plan {input.plan:q} --chunk {wildcards.chunk:q}"
            " --chunks {params.chunks} --device {params.device} --output {output.runs:q} > {log:q} 2>&1"


rule search_judge:
    input:
        runs=list(SEARCH_RUNS.values()),
    output:
        **{table: f"{SEARCH}/{table}.parquet" for table in SEARCH_TABLES},
    log:
        f"{RESULTS}/logs/search/judge.log",
    benchmark:
        f"{RESULTS}/benchmarks/search_judge/judge.tsv"
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        folder=subpath(output.judged, parent=True),
        runs=lambda wildcards, input: str(Path(input.runs[0]).parents[1]),
        size=SEARCH_SIZE,
        code=lambda wildcards: code_hash("commands.search"),
    shell:
        "mine search judge --size {params.size:q} --runs {params.runs:q} --output {params.folder:q} > {log:q} 2>&1"


rule search_figure:
    input:
        lambda wildcards: [f"{SEARCH}/{table}.parquet" for table in FIGURES[wildcards.figure].needs],
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/search/{{figure}}"),
            caption="../report/figure.rst",
            category=REPORT_FIGURES,
            subcategory="search",
            labels={"experiment": "search", "figure": "{figure}", "setting": "all"},
        ),
    log:
        f"{RESULTS}/logs/figures/search/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/search/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(n for n, spec in FIGURES.items() if spec.of == "search"),
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
        tables=SEARCH,
        code=figure_code,
    shell:
        "mine figures {wildcards.figure:q} --experiment-dir {params.tables:q} --output {output.svg:q} > {log:q} 2>&1"
