# What a reader opens in a browser: the notebooks, run, and a page to look through the runs with.
NOTEBOOKS = ("1_estimator", "2_replication", "3_claims", "4_your_experiment", "5_control", "6_concepts")
PAGE_EXPERIMENTS = targets(config, "all")
PAGE_LEDGER = f"{RESULTS}/claims/{fullest_ledger()}/claims.parquet"


# Made by `snakemake pages`, not by `snakemake`.
rule pages:
    input:
        explorer=f"{RESULTS}/explore.html",
        notebooks=expand(f"{RESULTS}/notebooks/{{name}}.html", name=NOTEBOOKS),
        ledger=PAGE_LEDGER,
        figures=figures_for("all"),
        claim_figures=claim_figures() if fullest_ledger() == "full" else [],
    localrule: True


rule explore:
    input:
        runs=runs_for("all"),
        summaries=tables_for("all", ("summary", "curves")),
        ledger=PAGE_LEDGER,
    output:
        page=report(
            f"{RESULTS}/explore.html",
            caption="../report/explore.rst",
            category=REPORT_PAGES,
            labels={"page": "every run, interactive"},
        ),
    log:
        f"{RESULTS}/logs/explore.log",
    benchmark:
        f"{RESULTS}/benchmarks/explore.tsv"
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        results=subpath(output.page, parent=True),
        experiments=[f"--experiment={name}" for name in PAGE_EXPERIMENTS],
        code=lambda wildcards: code_hash("commands.explore"),
        page=data_hash("explorer"),
    shell:
        "mine explore --results {params.results:q} {params.experiments:q} --claims {input.ledger:q}"
        " --output {output.page:q} > {log:q} 2>&1"


rule notebook:
    input:
        notebook=f"{workflow.basedir}/notebooks/{{name}}.ipynb",
        tables=tables_for("all", ("summary", "curves", "evaluations")),
        ledger=PAGE_LEDGER,
    output:
        page=report(
            f"{RESULTS}/notebooks/{{name}}.html",
            caption="../report/notebook.rst",
            category=REPORT_PAGES,
            labels={"page": "notebook {name}"},
        ),
    log:
        f"{RESULTS}/logs/notebooks/{{name}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/notebooks/{{name}}.tsv"
    wildcard_constraints:
        name="|".join(NOTEBOOKS),
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        results=subpath(output.page, ancestor=2),
        code=lambda wildcards: code_hash("commands.notebook", "explorer.notebook", "engine.runs", "claims.ledger"),
    shell:
        "mine notebook {input.notebook:q} --results {params.results:q} --output {output.page:q} > {log:q} 2>&1"
