"""A stack of perceptrons against one torch.nn.Sequential each."""

import pytest
import torch

from mine.engine.networks import Layout, Mlp, Passes

ACTIVATIONS = {"relu": torch.nn.ReLU, "elu": torch.nn.ELU, "tanh": torch.nn.Tanh}


def mlp(dim=2, hidden=8, layers=2, activation="relu"):
    return Mlp("critic", 2 * dim, 1, hidden, layers, activation)


def fresh(network, seeds):
    """Parameters of a stack as a matrix (S, P), and its layout."""
    layout = Layout([network])
    return layout.matrix(network.init([torch.Generator().manual_seed(seed) for seed in seeds])), layout


def sequential(parameters, network):
    """parameters: by name, of one member."""
    modules = []
    layers = list(parameters.values())
    for weight, bias in zip(layers[::2], layers[1::2], strict=True):
        linear = torch.nn.Linear(*weight.shape)
        linear.weight.data, linear.bias.data = weight.T, bias[0]
        modules += [linear, ACTIVATIONS[network.activation]()]
    return torch.nn.Sequential(*modules[:-1])


def member(layout, parameters, place):
    return {name: values[place] for name, values in layout.views(parameters).items()}


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("layers", [1, 3])
def test_each_member_is_a_multilayer_perceptron(activation, layers):
    network = mlp(layers=layers, activation=activation)
    parameters, layout = fresh(network, range(3))
    pairs = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(9))
    scores = network(layout.views(parameters), pairs)
    for place in range(3):
        expected = sequential(member(layout, parameters, place), network)(pairs[place])
        torch.testing.assert_close(scores[place], expected.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("outputs", [1, 3])
def test_backward_pass_is_autograds(activation, layers, outputs):
    network = Mlp("critic", 6, outputs, 7, layers, activation)
    parameters, layout = fresh(network, range(4))
    parameters = parameters.double()
    source = torch.Generator().manual_seed(9)
    passes = Passes(layout, parameters, {"critic": torch.empty(4, 5, 6)})
    # Twice, since nothing of one pass may be left in the next.
    for _ in range(2):
        pairs = torch.randn(4, 5, 6, generator=source, dtype=torch.float64)
        weights = torch.randn(4, 5, outputs, generator=source, dtype=torch.float64)
        said, gradient = passes.forward({"critic": pairs})["critic"], passes.backward({"critic": weights})
        for place in range(4):
            module = sequential(member(layout, parameters, place), network)
            expected = module(pairs[place])
            (weights[place] * expected).sum().backward()
            torch.testing.assert_close(said[place], expected.detach())
            theirs = torch.cat([(p.grad.T if p.ndim == 2 else p.grad).flatten() for p in module.parameters()])
            torch.testing.assert_close(layout.packed(gradient)[place], theirs)
    assert layout.spread(layout.packed(gradient)).equal(gradient), "nothing is left between parameters"


def test_a_backward_pass_keeps_a_members_nan_to_itself():
    parameters, layout = fresh(mlp(dim=1, hidden=4), range(3))
    passes, weights = Passes(layout, parameters, {"critic": torch.empty(3, 2, 2)}), torch.ones(3, 2, 1)
    passes.forward({"critic": torch.ones(3, 2, 2)})
    clean = passes.backward({"critic": weights}).clone()
    weights[1] = torch.inf
    spoilt = passes.backward({"critic": weights})
    assert not spoilt[1].isfinite().all()
    assert torch.equal(spoilt[[0, 2]], clean[[0, 2]])


def test_number_of_parameters_is_torchs():
    network = mlp(dim=5, hidden=100)
    parameters, layout = fresh(network, [0])
    assert parameters.shape == (1, layout.row)
    module = sequential(member(layout, parameters, 0), network)
    assert sum(p.numel() for p in module.parameters()) == layout.n_parameters
    assert layout.spread(layout.packed(parameters)).equal(parameters)


def test_initial_parameters_are_uniform_as_in_torch_linear():
    parameters, layout = fresh(mlp(dim=8, hidden=64), [0])
    for tensor, inputs in zip(layout.views(parameters).values(), (16, 16, 64, 64, 64, 64), strict=True):
        assert tensor.abs().max() <= inputs**-0.5
        if tensor.numel() > 1000:
            assert tensor.abs().max() > 0.99 * inputs**-0.5
            assert tensor.mean().abs() < 0.05 * inputs**-0.5


def test_every_parameter_begins_a_cache_line_and_shares_the_matrix():
    parameters, layout = fresh(mlp(dim=3, hidden=7), [0, 1])
    for view in layout.views(parameters).values():
        assert view.storage_offset() % 16 == 0
        assert view.stride(0) % 16 == 0
    layout.views(parameters)["critic.0.weight"][1, 0, 0] = 3.0
    assert parameters[1, 0] == 3.0
