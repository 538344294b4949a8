# Encoders: a job trains the seeds of one cell that share a block, as in train.smk, and their three tables.
for experiment in ENCODERS:
    for block in blocks_of(experiment):

        rule:
            name:
                f"train_{experiment}_seeds_{block.name}"
            output:
                runs=block_files(block),
            log:
                f"{RESULTS}/logs/train/{{experiment}}/{CELL_LOG}_{block.seeds}.log",
            benchmark:
                f"{RESULTS}/benchmarks/train/{{experiment}}/{CELL_LOG}_{block.seeds}.tsv"
            wildcard_constraints:
                **wildcards_of(PLANNED[experiment]),
                experiment=re.escape(experiment),
            priority: train_priority(experiment)
            conda:
                CONDA_ENV
            threads: 1
            resources:
                gpu=config["gpus_per_job"],
                mem_mb=grows(2000),
                runtime=training_minutes,
            params:
                seeds=block.seeds,
                control=control_options,
                options=options_of,
                device=config["device"],
                output=output_option,
                # Not on the command line: a change in either makes the results stale.
                code=lambda wildcards: encoder_code_hash(wildcards.variant),
                torch=metadata.version("torch").partition("+")[0],
            shell:
                "mine control train --variant {wildcards.variant:q} --critic {wildcards.critic:q} {params.control}"
                " --seed {params.seeds} {params.options} --device {params.device} --threads {threads}"
                " --output {params.output:q} > {log:q} 2>&1"

    rule:
        name:
            f"collect_{experiment}"
        input:
            runs=run_files,
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
            code=lambda wildcards: code_hash("commands.control", "control.tables"),
        shell:
            "mine control collect {params.runs:q} --grid {params.grid:q} --experiment {wildcards.experiment:q}"
            " --encoders {output.encoders:q} --encoder-steps {output.encoder_steps:q} --optima {output.optima:q}"
            " > {log:q} 2>&1"
