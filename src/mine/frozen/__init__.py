"""Frozen critics: what a batch's gradient is worth at parameters that do not move.

Critics saved along training (``mine.frozen.critics``) are taken as they are. At each, the gradient's second term is
measured over very many batches and held against its true value, which the toy data's known densities give
(``reference``), and the moving average v against the expectation that it follows (``lag``).

Only the second term matters: the first, the mean of grad T over joint pairs, is unbiased. In the notation of the
write-up the second term of a batch of k product pairs is A / B with A = mean e^T grad T and B = mean e^T (B_exp), or
A / v with a moving average.
"""
