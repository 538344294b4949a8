# The jobs of `snakemake concepts`: their files, and what each is asked.
CONCEPTS = f"{RESULTS}/concepts"
CONCEPTS_PLAN = ConceptsPlan.from_dict(config.get("concepts", {}))
CONCEPTS_TABLES = ("known", "decision", "models", "interventions", "leakage", "penalised")
CONCEPTS_KNOWN = {f"{CONCEPTS}/known/{cell.path}": cell for cell in CONCEPTS_PLAN.known_cells()}
CONCEPTS_MODELS = {f"{CONCEPTS}/models/{cell.path}": cell for cell in CONCEPTS_PLAN.model_cells()}
CONCEPTS_PENALISED = {f"{CONCEPTS}/penalised/{cell.path}": cell for cell in CONCEPTS_PLAN.penalty_cells()}
CONCEPTS_FIGURES = [name for name, spec in FIGURES.items() if spec.of == "concepts"]


def concepts_draws(wildcards, output):
    """How many draws a job on known leakage has."""
    return CONCEPTS_KNOWN[output.table].draws


def concepts_weight(wildcards):
    """The weight of the concepts of joint models, as an option."""
    return "" if wildcards.weight == "none" else f"--weight {wildcards.weight}"


def concepts_folder():
    """A function for params: the folder of all of it."""
    return lambda wildcards: CONCEPTS
