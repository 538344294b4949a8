"""The picture of the fixed tasks."""

from __future__ import annotations

import numpy as np

from mine.cli import main
from mine.figures import tasks
from mine.tasks import FIXED, fixed_task
from mine.tasks.draws import draw


def test_every_fixed_task_has_a_panel_with_its_pairs_and_truth():
    drawn = tasks.draw()
    panels = [axes for axes in drawn.axes if axes.get_visible()]
    assert len(panels) == len(FIXED)
    for name, axes in zip(FIXED, panels, strict=True):
        above, below = (text.get_text() for text in axes.texts)
        task = fixed_task(name)
        assert above.replace("\n", "") == name
        assert below == f"{task.mi:.2f} nats, {task.dim_x} × {task.dim_z}"
    x, z = draw("wave-3-0.3", tasks.PAIRS, 0)
    shown = panels[list(FIXED).index("wave-3-0.3")].collections[0].get_offsets()
    np.testing.assert_array_equal(shown, np.hstack([x, z]))


def test_it_needs_no_folder_but_an_output(capsys):
    assert main(["figures", "tasks"]) == 2
    assert "figures: --output is missing" in capsys.readouterr().err
