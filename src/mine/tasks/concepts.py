"""Fixed tasks of the concept-model literature, whose labels the author's repository estimates information about."""

from __future__ import annotations

from mine.tasks.fixed import OTHER, FixedTask

CONCEPTS = (
    FixedTask("xor", "XOR label of the inputs 2 × 1", OTHER, 2, 1, "xor:inputs"),
    FixedTask("xor-concepts", "XOR label of both concepts 2 × 1", OTHER, 2, 1, "xor:concepts"),
    FixedTask("xor-first-concept", "XOR label of one concept 1 × 1", OTHER, 1, 1, "xor:first_concept"),
)
