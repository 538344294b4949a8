"""How good ``mine estimate`` is on tasks of known mutual information, beside other packages: `snakemake own`."""
