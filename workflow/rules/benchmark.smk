# Estimators on tasks of known mutual information: a job trains the seeds of one cell that share a block. Made by
# `snakemake benchmark`, not by `snakemake`.
STAIRS_TABLES = ("stairs", "scores", "curves")
BENCHMARK = f"{RESULTS}/benchmark"

for benchmark in BENCHMARKS:
    for block in stairs_blocks(BENCHMARKS[benchmark], config["runs_per_job"]):

        rule:
            name:
                f"stairs_{benchmark}_seeds_{block.name}"
            output:
                runs=[f"{BENCHMARK}/{{benchmark}}/runs/{file}" for file in block.files],
            log:
                f"{RESULTS}/logs/benchmark/{{benchmark}}/{{critic}}_{{variant}}_{{task}}_{{dim}}_{block.seeds}.log",
            benchmark:
                f"{RESULTS}/benchmarks/stairs/{{benchmark}}/{{critic}}_{{variant}}_{{task}}_{{dim}}_{block.seeds}.tsv"
            wildcard_constraints:
                benchmark=re.escape(benchmark),
            priority: len(BENCHMARKS) - list(BENCHMARKS).index(benchmark)
            conda:
                CONDA_ENV
            threads: 1
            resources:
                gpu=config["gpus_per_job"],
                mem_mb=grows(3000),
                runtime=training_minutes,
            params:
                seeds=block.seeds,
                options=options_of_benchmark,
                device=config["device"],
                output=output_option,
                # Not on the command line: a change in either makes the results stale.
                code=lambda wildcards: training_code_hash(wildcards.variant, wildcards.task),
                torch=metadata.version("torch").partition("+")[0],
            shell:
                "mine train --variant {wildcards.variant:q} --critic {wildcards.critic:q} --task {wildcards.task:q}"
                " --dim {wildcards.dim:q} --seed {params.seeds} {params.options} --device {params.device}"
                " --threads {threads} --output {params.output:q} > {log:q} 2>&1"


rule baselines:
    output:
        table=f"{BENCHMARK}/{{benchmark}}/baselines.parquet",
    log:
        f"{RESULTS}/logs/benchmark/{{benchmark}}/baselines.log",
    benchmark:
        f"{RESULTS}/benchmarks/baselines/{{benchmark}}.tsv"
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(4000),
        runtime=grows(120),
    params:
        grid=benchmark_json,
        names=lambda wildcards: ",".join(BENCHMARKS[wildcards.benchmark]["baselines"]),
        code=code_hash("commands.baselines", *(f"tasks.{module}" for task in TASKS for module in modules_of(task))),
    shell:
        "mine baselines --grid {params.grid:q} --benchmark {wildcards.benchmark:q} --names {params.names}"
        " --output {output.table:q} > {log:q} 2>&1"


rule stairs:
    input:
        runs=stairs_files,
        baselines=baseline_table,
    output:
        **{table: f"{BENCHMARK}/{{benchmark}}/{table}.parquet" for table in STAIRS_TABLES},
    log:
        f"{RESULTS}/logs/benchmark/{{benchmark}}/stairs.log",
    benchmark:
        f"{RESULTS}/benchmarks/stairs/{{benchmark}}.tsv"
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        runs=lambda wildcards: f"{BENCHMARK}/{wildcards.benchmark}/runs",
        grid=benchmark_json,
        baselines=lambda wildcards, input: f"--baselines {input.baselines}" if input.baselines else "",
        code=code_hash("commands.stairs"),
    shell:
        "mine stairs {params.runs:q} --grid {params.grid:q} --benchmark {wildcards.benchmark:q} {params.baselines}"
        " --stairs {output.stairs:q} --scores {output.scores:q} --curves {output.curves:q} > {log:q} 2>&1"


rule benchmark_figure:
    input:
        unpack(benchmark_figure_tables),
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/benchmark/{{benchmark}}/{{figure}}"),
            caption="../report/benchmark_figure.rst",
            category=REPORT_FIGURES,
            subcategory="benchmark {benchmark}",
            labels={"experiment": "{benchmark}", "figure": "{figure}", "setting": "all"},
        ),
    log:
        f"{RESULTS}/logs/figures/benchmark/{{benchmark}}/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/benchmark/{{benchmark}}/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(n for n, spec in FIGURES.items() if spec.of == "benchmark" and not spec.per_setting),
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        tables=lambda wildcards: f"{BENCHMARK}/{wildcards.benchmark}",
        setting="",
        code=figure_code,
    shell:
        "mine figures {wildcards.figure:q} --experiment-dir {params.tables:q} {params.setting} --output {output.svg:q}"
        " > {log:q} 2>&1"


# A figure of one task; the task is its setting.
use rule benchmark_figure as benchmark_figure_of_task with:
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/benchmark/{{benchmark}}/{{figure}}_{{setting}}"),
            caption="../report/benchmark_figure.rst",
            category=REPORT_FIGURES,
            subcategory="benchmark {benchmark}",
            labels={"experiment": "{benchmark}", "figure": "{figure}", "setting": "{setting}"},
        ),
    log:
        f"{RESULTS}/logs/figures/benchmark/{{benchmark}}/{{figure}}_{{setting}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/benchmark/{{benchmark}}/{{figure}}_{{setting}}.tsv"
    wildcard_constraints:
        figure="|".join(n for n, spec in FIGURES.items() if spec.of == "benchmark" and spec.per_setting),
    params:
        tables=lambda wildcards: f"{BENCHMARK}/{wildcards.benchmark}",
        setting="--setting {setting}",
        code=figure_code,
