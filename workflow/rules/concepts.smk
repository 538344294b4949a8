# How much leaks through concept bottlenecks, and can it be stopped? Every job is a method on draws of known leakage, or
# models that train as one stack and are measured; what was made stays made. Made by `snakemake concepts`, not by `snakemake`.
rule concepts_known:
    output:
        table=f"{CONCEPTS}/known/rows={{rows}}/method={{method}}/scenario={{scenario}}/first={{first}}.parquet",
    log:
        f"{RESULTS}/logs/concepts/known_{{rows}}_{{method}}_{{scenario}}_{{first}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/concepts_known/{{rows}}_{{method}}_{{scenario}}_{{first}}.tsv"
    wildcard_constraints:
        rows=one_of(CONCEPTS_PLAN.rows),
        method=one_of(CONCEPTS_PLAN.draws),
        scenario=one_of(CONCEPTS_PLAN.scenarios),
        first=r"\d+",
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(120),
    params:
        plan=CONCEPTS_PLAN.to_json(*CONCEPTS_KNOWN_KEYS),
        draws=concepts_draws,
        code=lambda wildcards: concepts_code_hash("known", wildcards.method),
        torch=metadata.version("torch").partition("+")[0],
    shell:
        "mine concepts known --plan {params.plan:q} --method {wildcards.method:q} --scenario {wildcards.scenario:q}"
        " --rows {wildcards.rows:q} --first {wildcards.first:q} --draws {params.draws} --output {output.table:q}"
        " > {log:q} 2>&1"


rule concepts_models:
    output:
        **{
            table: f"{CONCEPTS}/models/data={{data}}/kind={{kind}}/weight={{weight}}/{table}.parquet"
            for table in ("models", "interventions", "leakage")
        },
    log:
        f"{RESULTS}/logs/concepts/models_{{data}}_{{kind}}_{{weight}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/concepts_models/{{data}}_{{kind}}_{{weight}}.tsv"
    wildcard_constraints:
        data=one_of(CONCEPTS_PLAN.data),
        kind=one_of(cell.kind for cell in CONCEPTS_MODELS.values()),
        weight=one_of(["none", *(f"{weight:g}" for weight in CONCEPTS_PLAN.concept_weights)]),
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(120),
    params:
        plan=CONCEPTS_PLAN.to_json(*CONCEPTS_MODEL_KEYS),
        weight=concepts_weight,
        folder=subpath(output.models, parent=True),
        code=lambda wildcards: concepts_code_hash("measured"),
        torch=metadata.version("torch").partition("+")[0],
    shell:
        "mine concepts models --plan {params.plan:q} --data {wildcards.data:q} --kind {wildcards.kind:q} {params.weight}"
        " --output {params.folder:q} > {log:q} 2>&1"


rule concepts_penalised:
    output:
        table=f"{CONCEPTS}/penalised/data={{data}}/estimator={{estimator}}.parquet",
    log:
        f"{RESULTS}/logs/concepts/penalised_{{data}}_{{estimator}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/concepts_penalised/{{data}}_{{estimator}}.tsv"
    wildcard_constraints:
        data=one_of(CONCEPTS_PLAN.penalised_data),
        estimator=one_of(CONCEPTS_PLAN.penalties),
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(120),
    params:
        plan=CONCEPTS_PLAN.to_json(*CONCEPTS_PENALTY_KEYS),
        code=lambda wildcards: concepts_code_hash("measured", wildcards.estimator),
        torch=metadata.version("torch").partition("+")[0],
    shell:
        "mine concepts penalised --plan {params.plan:q} --data {wildcards.data:q} --estimator {wildcards.estimator:q}"
        " --output {output.table:q} > {log:q} 2>&1"


rule concepts_judge:
    input:
        known=list(CONCEPTS_KNOWN),
        models=[f"{folder}/{table}.parquet" for folder in CONCEPTS_MODELS for table in CONCEPTS_TABLES[2:5]],
        penalised=list(CONCEPTS_PENALISED),
    output:
        **{table: f"{CONCEPTS}/{table}.parquet" for table in CONCEPTS_TABLES},
    log:
        f"{RESULTS}/logs/concepts/judge.log",
    benchmark:
        f"{RESULTS}/benchmarks/concepts_judge/judge.tsv"
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        plan=CONCEPTS_PLAN.to_json(),
        folder=concepts_folder(),
        code=lambda wildcards: code_hash("concepts.tables", "concepts.decision"),
    shell:
        "mine concepts judge --plan {params.plan:q} --folder {params.folder:q} > {log:q} 2>&1"


rule concepts_figure:
    input:
        lambda wildcards: [f"{CONCEPTS}/{table}.parquet" for table in FIGURES[wildcards.figure].needs],
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/concepts/{{figure}}"),
            caption="../report/figure.rst",
            category=REPORT_FIGURES,
            subcategory="concepts",
            labels={"experiment": "concepts", "figure": "{figure}", "setting": "all"},
        ),
    log:
        f"{RESULTS}/logs/figures/concepts/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/concepts/{{figure}}.tsv"
    wildcard_constraints:
        figure=one_of(CONCEPTS_FIGURES),
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
        tables=CONCEPTS,
        code=figure_code,
    shell:
        "mine figures {wildcards.figure:q} --experiment-dir {params.tables:q} --output {output.svg:q} > {log:q} 2>&1"
