# The ledger of claims, from what `all` makes (scope "runs") or from everything (scope "full"), and for the latter the
# critics that are kept along training and what is measured at them. That of the papers' claims (scope "papers").
rule ledger:
    input:
        tables=ledger_tables,
        searched=searched_tables,
    output:
        parquet=f"{RESULTS}/claims/{{scope}}/claims.parquet",
        markdown=f"{RESULTS}/claims/{{scope}}/claims.md",
        html=report(
            f"{RESULTS}/claims/{{scope}}/claims.html",
            caption="../report/ledger.rst",
            category=REPORT_CLAIMS,
            labels={"shows": "every claim, judged", "from": "{scope}"},
        ),
    log:
        f"{RESULTS}/logs/claims/{{scope}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/{{scope}}.tsv"
    wildcard_constraints:
        scope="runs|full|papers",
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        tables=subpath(output.parquet, ancestor=3),
        options=ledger_options,
        code=lambda wildcards: code_hash("commands.claims", *(f"claims.{name}" for name in ledger_modules(wildcards))),
    shell:
        "mine claims {params.tables:q} {params.options} --output {output.parquet:q} > {log:q} 2>&1"


rule claims_figure:
    input:
        unpack(claim_figure_tables),
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/claims/{{figure}}"),
            caption="../report/claims_figure.rst",
            category=REPORT_CLAIMS,
            labels={"shows": "{figure}", "from": "full"},
        ),
    log:
        f"{RESULTS}/logs/figures/claims/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/claims/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(n for n, spec in FIGURES.items() if spec.of in ("claims", "frozen")),
    localrule: True
    conda:
        CONDA_ENV
    threads: 1
    resources:
        gpu=0,
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        tables=lambda wildcards, input: str(Path(input[0]).parent),
        code=figure_code,
    shell:
        "mine figures {wildcards.figure:q} --experiment-dir {params.tables:q} --output {output.svg:q} > {log:q} 2>&1"


if "frozen" in config:

    rule frozen_train:
        output:
            runs=expand(
                f"{RESULTS}/frozen/runs/dim={{{{dim}}}}/rho={{{{rho}}}}/seed={{seed}}.parquet",
                seed=parse_seeds(config["frozen"]["grid"]["seeds"]),
            ),
            critics=expand(
                f"{RESULTS}/frozen/critics/dim={{{{dim}}}}/rho={{{{rho}}}}/seed={{seed}}.npz",
                seed=parse_seeds(config["frozen"]["grid"]["seeds"]),
            ),
        log:
            f"{RESULTS}/logs/frozen/train/{{dim}}_{{rho}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/frozen_train/{{dim}}_{{rho}}.tsv"
        # The measurements wait for it.
        priority: 10
        conda:
            CONDA_ENV
        threads: 1
        resources:
            gpu=config["gpus_per_job"],
            mem_mb=grows(2000),
            runtime=training_minutes,
        params:
            seeds=",".join(map(str, parse_seeds(config["frozen"]["grid"]["seeds"]))),
            options=training_options(training_of(config["frozen"], "base")),
            steps=",".join(map(str, kept_steps(config["frozen"]))),
            device=config["device"],
            output=lambda wildcards, output: str(Path(output.runs[0]).with_name("seed={seed}.parquet")),
            critics=lambda wildcards, output: str(Path(output.critics[0]).with_name("seed={seed}.npz")),
            code=lambda wildcards: training_code_hash("ema"),
            torch=metadata.version("torch").partition("+")[0],
        shell:
            "mine train --variant ema --dim {wildcards.dim:q} --rho={wildcards.rho:q} --seed {params.seeds}"
            " {params.options} --device {params.device} --threads {threads} --output {params.output:q}"
            " --checkpoints {params.steps} --critics {params.critics:q} > {log:q} 2>&1"

    rule frozen_measure:
        input:
            critics=f"{RESULTS}/frozen/critics/{FROZEN_CELL}.npz",
        output:
            bias=f"{RESULTS}/frozen/bias/{FROZEN_CELL}.parquet",
            directions=f"{RESULTS}/frozen/directions/{FROZEN_CELL}.parquet",
            identities=f"{RESULTS}/frozen/identities/{FROZEN_CELL}.parquet",
        log:
            f"{RESULTS}/logs/frozen/measure/{{dim}}_{{rho}}_{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/frozen_measure/{{dim}}_{{rho}}_{{seed}}.tsv"
        conda:
            CONDA_ENV
        threads: 1
        resources:
            gpu=0,
            mem_mb=grows(2000),
            runtime=grows(120),
        params:
            **{name: ",".join(map(str, config["frozen"][name])) for name in ("steps", "batch_sizes", "ema_rates")},
            samples=config["frozen"]["samples"],
            code=lambda wildcards: code_hash("commands.frozen"),
        shell:
            "mine frozen measure --critics {input.critics:q} --steps {params.steps}"
            " --batch-sizes {params.batch_sizes} --ema-rates {params.ema_rates} --samples {params.samples}"
            " --bias {output.bias:q} --directions {output.directions:q} --identities {output.identities:q}"
            " > {log:q} 2>&1"

    rule frozen_lag:
        input:
            critics=f"{RESULTS}/frozen/critics/{FROZEN_CELL}.npz",
            run=f"{RESULTS}/frozen/runs/{FROZEN_CELL}.parquet",
        output:
            lag=f"{RESULTS}/frozen/lag/{FROZEN_CELL}.parquet",
        log:
            f"{RESULTS}/logs/frozen/lag/{{dim}}_{{rho}}_{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/frozen_lag/{{dim}}_{{rho}}_{{seed}}.tsv"
        conda:
            CONDA_ENV
        threads: 1
        resources:
            gpu=0,
            mem_mb=grows(2000),
            runtime=grows(60),
        params:
            code=lambda wildcards: code_hash("commands.frozen"),
        shell:
            "mine frozen lag --critics {input.critics:q} --trace {input.run:q} --output {output.lag:q} > {log:q} 2>&1"

    rule frozen_gather:
        input:
            parts=lambda wildcards: frozen_files(f"{RESULTS}/frozen/{wildcards.table}/{FROZEN_CELL}.parquet"),
        output:
            table=f"{RESULTS}/frozen/{{table}}.parquet",
        log:
            f"{RESULTS}/logs/frozen/gather/{{table}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/frozen_gather/{{table}}.tsv"
        wildcard_constraints:
            table="|".join(FROZEN_TABLES),
        localrule: True
        conda:
            CONDA_ENV
        threads: 1
        resources:
            gpu=0,
            mem_mb=grows(2000),
            runtime=grows(10),
        params:
            code=lambda wildcards: code_hash("commands.frozen"),
        shell:
            "mine frozen gather {input.parts:q} --output {output.table:q} > {log:q} 2>&1"
