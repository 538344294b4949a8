# Training: a job trains the seeds of one cell that share a block (config key runs_per_job), one file a seed.
# A rule for each experiment and block, because Snakemake gives priorities to rules.
for experiment in ESTIMATED:
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
                options=options_of,
                device=config["device"],
                output=output_option,
                # Not on the command line: a change in either makes the results stale.
                code=lambda wildcards: training_code_hash(wildcards.variant, wildcards.task),
                torch=metadata.version("torch").partition("+")[0],
            shell:
                "mine train --variant {wildcards.variant:q} --critic {wildcards.critic:q} --task {wildcards.task:q}"
                " --dim {wildcards.dim:q} --{wildcards.truth:q} --seed {params.seeds} {params.options}"
                " --device {params.device} --threads {threads} --output {params.output:q} > {log:q} 2>&1"
