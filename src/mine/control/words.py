"""What the terms of an encoder's goal are called, in claims and figures alike."""

INFORMATION = {"y": "I(t; y)", "x": "I(x; t)", "s": "I(t; s)"}
"""Term to the mutual information that it is: of the code t with y, of the input x with t, of t with s."""
