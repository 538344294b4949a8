"""Where a batch comes from, and how many product pairs are joint pairs in truth."""

from dataclasses import replace

import pytest
import torch

from mine.settings import TrainingSettings
from mine.sources import Epochs, product_indices, source_of

K = 64
SETTINGS = TrainingSettings(batch_size=K)


def take(dim, rho, seed, settings, n_batches):
    """The batches of a run on its own: x, z and z of the product pairs, each (n_batches, k, d)."""
    batch = source_of(dim, [rho], [seed], settings, "cpu").take(n_batches)
    return batch.x[0], batch.z[0], batch.z_product[0]


def fixed_points(scheme, n_batches=2000):
    indices = product_indices(scheme, n_batches, K, [torch.Generator().manual_seed(0)])[0]
    assert torch.equal(indices.sort(1).values, torch.arange(K).expand(n_batches, K)), "each z is used once"
    return (indices == torch.arange(K)).sum(1).float()


def test_permutation_leaves_one_pair_in_place_on_average():
    counts = fixed_points("permutation")
    # The number of fixed points is close to Poisson(1): mean 1, variance 1.
    assert counts.mean().item() == pytest.approx(1.0, abs=4 / 2000**0.5)
    assert counts.var().item() == pytest.approx(1.0, abs=0.2)


def test_derangement_leaves_none_in_place():
    assert fixed_points("derangement").sum() == 0


@pytest.mark.parametrize("data", ["stream", 500])
@pytest.mark.parametrize("product", ["permutation", "derangement", "independent"])
def test_share_of_product_pairs_that_are_joint_pairs(data, product):
    _, z, z_product = take(2, 0.9, 0, replace(SETTINGS, data=data, product=product), 200)
    kept = (z == z_product).all(2).float().sum(1).mean().item()
    if product == "permutation":
        expected = 1.0
    elif product == "independent" and data != "stream":
        expected = K / 500  # z is drawn from the same 500, so it is its own now and then
    else:
        expected = 0.0
    assert kept == pytest.approx(expected, abs=0.3 if expected else 0.0)


@pytest.mark.parametrize("product", ["permutation", "derangement"])
def test_a_shuffle_uses_the_batchs_own_z(product):
    _, z, z_product = take(1, 0.9, 0, replace(SETTINGS, product=product), 5)
    assert torch.equal(z.sort(1).values, z_product.sort(1).values)


def test_product_samples_are_independent_of_x():
    x, _, z_product = take(1, 0.95, 0, replace(SETTINGS, product="independent"), 1000)
    assert abs(torch.corrcoef(torch.stack([x.flatten(), z_product.flatten()]))[0, 1]) < 0.02


def test_the_product_scheme_does_not_change_the_joint_batches():
    batches = [
        take(2, 0.9, 4, replace(SETTINGS, product=product), 3)
        for product in ("permutation", "derangement", "independent")
    ]
    for x, z, _ in batches[1:]:
        assert torch.equal(x, batches[0][0])
        assert torch.equal(z, batches[0][1])


def test_other_seed_dimension_or_rho_gives_other_batches():
    first = take(2, 0.9, 4, SETTINGS, 1)[0]
    assert not torch.equal(first, take(2, 0.9, 5, SETTINGS, 1)[0])
    assert not torch.equal(first, take(2, -0.9, 4, SETTINGS, 1)[0])
    assert not torch.equal(first[:, :, :1], take(1, 0.9, 4, SETTINGS, 1)[0])


def test_data_set_batches_hold_each_pair_once_per_epoch():
    epochs = Epochs(10, 3, torch.Generator().manual_seed(0))
    taken = torch.cat([epochs.take(2), epochs.take(5), epochs.take(2)])
    for epoch in taken.view(3, 9):
        assert len(epoch.unique()) == 9


def test_a_data_set_has_n_pairs():
    x, _, _ = take(1, 0.9, 0, replace(SETTINGS, data=100), 200)
    assert len(x.unique()) == 100
