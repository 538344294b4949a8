"""Which of the public tasks the method and the settings of ``mine estimate`` may be chosen on, and which judge them.

Written before any method or setting was chosen by their values. All 40 had been looked at once before that, one draw
each: with the command's defaults of the time, and with normal scores and the joint critic by hand. Within the groups of
``mine.tasks.fixed``, one after the other and each in the package's order, every second task chooses, beginning with the
first: so no hand picked them, and each group has as many of one kind as of the other, give or take one. Names stand
here one by one, so that a later change of the list or of a group moves none.

What is chosen may look at the tasks in CHOOSING, on draws from FIRST_CHOOSING_DRAW on. The tables are made of the draws
0, 1, ... of all tasks, and report those in JUDGING apart; so do the fixed tasks that are not public, on which nothing
is chosen at all.
"""

from __future__ import annotations

from mine.tasks.public import PUBLIC

CHOOSING = (
    "1v1-normal-0.75",
    "1v1-additive-0.1",
    "1v1-bimodal-0.75",
    "half_cube-1v1-normal-0.75",
    "multinormal-dense-2-2-0.5",
    "multinormal-dense-5-5-0.5",
    "multinormal-sparse-3-3-2-2.0",
    "normal_cdf-multinormal-sparse-3-3-2-2.0",
    "half_cube-multinormal-sparse-3-3-2-2.0",
    "multinormal-dense-25-25-0.5",
    "multinormal-sparse-25-25-2-2.0",
    "half_cube-multinormal-sparse-25-25-2-2.0",
    "asinh-student-identity-1-1-1",
    "student-identity-2-2-2",
    "student-identity-3-3-3",
    "student-identity-5-5-3",
    "asinh-student-identity-3-3-2",
    "spiral-multinormal-sparse-3-3-2-2.0",
    "spiral-multinormal-sparse-25-25-2-2.0",
    "spiral-normal_cdf-multinormal-sparse-5-5-2-2.0",
)

JUDGING = tuple(task.name for task in PUBLIC if task.name not in CHOOSING)

FIRST_CHOOSING_DRAW = 1_000
"""Number of a draw, see ``mine.tasks.draws``; the tables use fewer."""
