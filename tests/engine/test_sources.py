"""Where a batch comes from, and how many product pairs are joint pairs in truth."""

from dataclasses import replace

import pytest
import torch

from mine.engine.runs import gaussian_runs
from mine.engine.sources import Epochs, product_indices, source_of
from mine.settings import TrainingSettings

K = 64
SETTINGS = TrainingSettings(batch_size=K)


def take(dim, rho, seed, settings, n_batches):
    """The batches of a run on its own: x, z and z of the product pairs, each (n_batches, k, d)."""
    batch = source_of(gaussian_runs(dim, rho, [seed]), settings, "cpu").take(n_batches)
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


N_KEPT = TrainingSettings(batch_size=20, data=203, last_batch="keep")


def identified(settings, n_batches, dim=1, rho=0.9, seed=0):
    """Batches of a run by which pair of the data set stands where: indices of x, of z and of the product z, and sizes.

    Each (n_batches, k). x and z of a pair are numbers that no other pair has, so that they identify it.
    """
    source = source_of(gaussian_runs(dim, rho, [seed]), settings, "cpu")
    pairs_x, pairs_z = source._x[0, :, 0], source._z[0, :, 0]
    batch = source.take(n_batches)

    def which(values, pairs):
        found = (values[0, :, :, 0, None] == pairs).int().argmax(2)
        assert torch.equal(pairs[found], values[0, :, :, 0])
        return found

    return which(batch.x, pairs_x), which(batch.z, pairs_z), which(batch.z_product, pairs_z), batch.sizes


@pytest.mark.parametrize(("last_batch", "n", "used"), [("keep", 203, 203), ("drop", 203, 200), ("keep", 200, 200)])
@pytest.mark.parametrize("product", ["permutation", "derangement", "independent"])
def test_an_epoch_uses_every_pair_once(last_batch, n, used, product):
    settings = replace(N_KEPT, data=n, last_batch=last_batch, product=product)
    per_epoch = settings.batches_per_epoch
    assert per_epoch == (11 if used == 203 else 10)
    x, z, z_product, sizes = identified(settings, 3 * per_epoch)
    assert sizes == tuple([20] * 10 + [3] * (used == 203)) * 3
    assert torch.equal(x, z), "joint pairs are pairs of the data set"
    orders = []
    for epoch in range(3):
        batches = range(epoch * per_epoch, (epoch + 1) * per_epoch)
        for whose in (x, z_product):
            taken = torch.cat([whose[batch, : sizes[batch]] for batch in batches])
            assert len(taken) == len(taken.unique()) == used
        orders.append(torch.cat([x[batch, : sizes[batch]] for batch in batches]))
    assert not torch.equal(orders[0], orders[1])


@pytest.mark.parametrize("product", ["permutation", "derangement"])
def test_a_kept_short_batch_is_shuffled_inside_itself(product):
    _, z, z_product, sizes = identified(replace(N_KEPT, product=product), 11 * 40)
    in_place = []
    for batch, size in enumerate(sizes):
        own, other = z[batch, :size], z_product[batch, :size]
        assert torch.equal(own.sort().values, other.sort().values)
        if size == 3:
            in_place.append(int((own == other).sum()))
    assert len(in_place) == 40
    if product == "derangement":
        assert set(in_place) == {0}
    else:
        # Of a permutation of three: none in place in 2 of 6, one in 3 of 6, all in 1 of 6.
        assert set(in_place) == {0, 1, 3}


def test_independent_z_come_from_the_whole_data_set():
    x, _, z_product, sizes = identified(replace(N_KEPT, product="independent"), 11 * 30)
    shared, own = [], []
    for batch, size in enumerate(sizes):
        shared.append(torch.isin(z_product[batch, :size], x[batch, :size]).float().mean())
        own.append((z_product[batch, :size] == x[batch, :size]).float().sum())
    # 20 of 203 z belong to the batch by chance, and 1 in 203 to the pair itself; a shuffle would share all of them.
    assert torch.stack(shared).mean().item() == pytest.approx(20 / 203, abs=0.02)
    assert torch.stack(own).sum().item() / (30 * 203) == pytest.approx(1 / 203, abs=0.003)


@pytest.mark.parametrize("product", ["permutation", "derangement", "independent"])
@pytest.mark.parametrize("data", ["stream", 203])
def test_a_runs_batches_do_not_depend_on_its_stack(data, product):
    settings = replace(N_KEPT, data=data, last_batch="drop" if data == "stream" else "keep", product=product)
    alone = source_of(gaussian_runs(2, 0.9, [5]), settings, "cpu")
    runs = [run for rho, seed in ((0.5, 4), (0.9, 5), (-0.3, 5)) for run in gaussian_runs(2, rho, [seed])]
    stack = source_of(runs, settings, "cpu")
    for place in (1, 0):
        one, all_ = alone.take(25), stack.take(25)
        for name in ("x", "z", "z_product"):
            for batch, size in enumerate(one.sizes):
                assert torch.equal(getattr(one, name)[0, batch, :size], getattr(all_, name)[place, batch, :size])
        assert one.sizes == all_.sizes
        if place:
            stack.keep([1])  # the others leave, and it goes on
