"""Concept bottlenecks: data with known concepts, models of them, and what leaks through the concepts they predict.

A model predicts concepts c from its inputs and the label y from the predicted concepts alone. What a predicted concept
says of the label, or of another concept, beyond what the concept itself does, has leaked (Mahinpei et al. 2021,
arXiv 2106.13314; Havasi, Parbhoo & Doshi-Velez 2022).
"""
