"""A second look at each batch after its update: the value by hand, and that looking changes nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mine.engine.loop import Watch, train
from mine.engine.optimizers import of
from mine.engine.runs import gaussian_runs, train_at
from mine.engine.sources import source_of
from mine.engine.stopping import FixedUpdates
from mine.errors import UserError
from mine.estimators import build
from mine.settings import TrainingSettings

STREAM = TrainingSettings(steps=60, batch_size=16, hidden=8, layers=1, eval_every=30, second_look=True)
EPOCHS = replace(STREAM, steps=None, epochs=9, data=70, last_batch="keep", record_every="epoch")


@pytest.mark.parametrize("settings", [STREAM, EPOCHS], ids=["stream", "epochs"])
@pytest.mark.parametrize("variant", ["biased", "ema", "nwj"])
def test_looking_twice_changes_nothing_else(variant, settings):
    twice = train_at(variant, 2, 0.9, [3], settings)[0].columns
    once = train_at(variant, 2, 0.9, [3], replace(settings, second_look=False))[0].columns
    for name in once:
        if not name.startswith("mi_again"):
            np.testing.assert_array_equal(np.ma.getmaskarray(once[name]), np.ma.getmaskarray(twice[name]), err_msg=name)
            np.testing.assert_array_equal(once[name].compressed(), twice[name].compressed(), err_msg=name)
    assert np.ma.getmaskarray(once["mi_again"]).all()
    assert np.ma.getmaskarray(twice["mi_again"]).tolist() == [*[False] * (len(twice["step"]) - 1), True]


def test_it_is_the_value_after_the_update_on_the_same_batch_with_other_product_pairs():
    settings, run = replace(STREAM, batch_size=8), gaussian_runs(2, 0.9, [3])[0]
    batch = source_of([run], settings, "cpu").take(50)
    assert not batch.z_again.equal(batch.z_product)
    assert batch.z_again.sort(2).values.equal(batch.z.sort(2).values), "a permutation inside each batch"
    seen = train_at("biased", 2, 0.9, [3], settings)[0].columns["mi_again"]
    estimator = build("biased", "concat", 2, 2, settings)
    after = {}

    def before(step, stack):
        after[step - 1] = stack._layout.views(stack.parameters.clone())

    watch = Watch(before, block=lambda *seen: None)
    train(estimator, source_of([run], settings, "cpu"), FixedUpdates(60), [of(settings)], watch=watch)
    for step in (1, 2, 7):
        x, z, again = (each[:, step - 1] for each in (batch.x, batch.z, batch.z_again))
        joint = estimator.critic.joint(after[step], x, z)[0].double().numpy()
        product = estimator.critic.joint(after[step], x, again)[0].double().numpy()
        assert seen[step - 1] == pytest.approx(joint.mean() - np.log(np.exp(product).mean()), abs=1e-5)


def test_windows_have_its_mean():
    epochs = train_at("biased", 2, 0.9, [3], EPOCHS)[0].columns
    updates = train_at("biased", 2, 0.9, [3], replace(EPOCHS, record_every=1))[0].columns
    each = updates["mi_again"].compressed().reshape(9, -1)
    np.testing.assert_allclose(epochs["mi_again_mean"].compressed(), each.mean(1), rtol=1e-6)


@pytest.mark.parametrize("product", ["independent", "shift"])
def test_where_product_pairs_have_no_other_choice_there_is_none(product):
    with pytest.raises(UserError, match="second_look: product pairs are chosen by"):
        replace(STREAM, product=product)
