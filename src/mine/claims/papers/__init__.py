"""What the papers of the estimators claim of them, a module each, judged by the tables of `snakemake benchmark`.

A claim's words, its rule and its margins stand in its module, and were written before the runs that judge it.
"""
