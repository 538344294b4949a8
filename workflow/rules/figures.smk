# Figures, each as svg, pdf and png. mine.figures.FIGURES says which are drawn once per setting, and from what tables.
rule figure:
    input:
        unpack(figure_tables),
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/{{experiment}}/{{figure}}"),
            caption="../report/figure.rst",
            category=REPORT_FIGURES,
            subcategory="{experiment}",
            labels={"experiment": "{experiment}", "figure": "{figure}", "setting": "all"},
        ),
    log:
        f"{RESULTS}/logs/figures/{{experiment}}/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{experiment}}/{{figure}}.tsv"
    wildcard_constraints:
        figure=figure_names(per_setting=False),
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
        tables=f"{RESULTS}/{{experiment}}",
        code=figure_code,
    shell:
        "mine figures {wildcards.figure:q} --experiment-dir {params.tables:q}" " --output {output.svg:q} > {log:q} 2>&1"


rule figure_of_setting:
    input:
        unpack(figure_tables),
    output:
        **in_report(
            figure_files(f"{RESULTS}/figures/{{experiment}}/{{figure}}_{{setting}}"),
            caption="../report/figure.rst",
            category=REPORT_FIGURES,
            subcategory="{experiment}",
            labels={"experiment": "{experiment}", "figure": "{figure}", "setting": "{setting}"},
        ),
    log:
        f"{RESULTS}/logs/figures/{{experiment}}/{{figure}}_{{setting}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{experiment}}/{{figure}}_{{setting}}.tsv"
    wildcard_constraints:
        figure=figure_names(per_setting=True),
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
        tables=f"{RESULTS}/{{experiment}}",
        code=figure_code,
    shell:
        "mine figures {wildcards.figure:q} --experiment-dir {params.tables:q} --setting {wildcards.setting:q}"
        " --output {output.svg:q} > {log:q} 2>&1"
