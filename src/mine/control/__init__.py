"""Information as a training objective: encoders of Gaussian data, each judged against the exact optimum.

An encoder t = f(x) + unit noise is trained by an estimate of I(t; y), I(x; t) or I(t; s), and judged by the exact
mutual information of what it became, never by the estimate that trained it.
"""
