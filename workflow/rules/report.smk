# Places in Snakemake's report (`snakemake --report`). Categories are sorted by name: the claims come first.
REPORT_CLAIMS = "1 Claims"
REPORT_FIGURES = "2 Figures"
REPORT_PAGES = "3 Pages"


def in_report(files, **place):
    """The files of a figure, its svg with a place in the report."""
    return {**files, "svg": report(files["svg"], **place)}
