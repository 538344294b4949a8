"""A stack of critics against one torch.nn.Sequential each."""

import pytest
import torch

from mine.critic import Architecture, Passes, critic, initial_parameters, layers_of

ACTIVATIONS = {"relu": torch.nn.ReLU, "elu": torch.nn.ELU, "tanh": torch.nn.Tanh}


def sequential(parameters, architecture):
    modules = []
    layers = [layer[0] for layer in layers_of(parameters[None], architecture)]
    for weight, bias in zip(layers[::2], layers[1::2], strict=True):
        linear = torch.nn.Linear(*weight.shape)
        linear.weight.data, linear.bias.data = weight.T, bias[0]
        modules += [linear, ACTIVATIONS[architecture.activation]()]
    return torch.nn.Sequential(*modules[:-1])


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("layers", [1, 3])
def test_each_member_is_a_multilayer_perceptron(activation, layers):
    architecture = Architecture(dim=2, hidden=8, layers=layers, activation=activation)
    parameters = initial_parameters(architecture, [torch.Generator().manual_seed(s) for s in range(3)])
    pairs = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(9))
    scores = critic(layers_of(parameters, architecture), pairs, architecture)
    for member in range(3):
        expected = sequential(parameters[member], architecture)(pairs[member])[:, 0]
        torch.testing.assert_close(scores[member], expected.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_backward_pass_is_autograds(activation, layers):
    architecture = Architecture(dim=3, hidden=7, layers=layers, activation=activation)
    parameters = initial_parameters(architecture, [torch.Generator().manual_seed(s) for s in range(4)]).double()
    source = torch.Generator().manual_seed(9)
    passes = Passes(parameters, 5, architecture)
    # Twice, since nothing of one pass may be left in the next.
    for _ in range(2):
        pairs = torch.randn(4, 5, 6, generator=source, dtype=torch.float64)
        weights = torch.randn(4, 5, generator=source, dtype=torch.float64)
        scores, gradient = passes.forward(pairs), passes.backward(weights)
        for member in range(4):
            module = sequential(parameters[member], architecture)
            expected = module(pairs[member])[:, 0]
            (weights[member] * expected).sum().backward()
            torch.testing.assert_close(scores[member], expected.detach())
            theirs = torch.cat([(p.grad.T if p.ndim == 2 else p.grad).flatten() for p in module.parameters()])
            torch.testing.assert_close(gradient[member, : architecture.n_parameters], theirs)
    assert not gradient[:, architecture.n_parameters :].any()


def test_a_backward_pass_keeps_a_members_nan_to_itself():
    architecture = Architecture(dim=1, hidden=4, layers=2, activation="relu")
    parameters = initial_parameters(architecture, [torch.Generator().manual_seed(s) for s in range(3)])
    passes, weights = Passes(parameters, 2, architecture), torch.ones(3, 2)
    passes.forward(torch.ones(3, 2, 2))
    clean = passes.backward(weights).clone()
    weights[1] = torch.inf
    spoilt = passes.backward(weights)
    assert not spoilt[1].isfinite().all()
    assert torch.equal(spoilt[[0, 2]], clean[[0, 2]])


def test_number_of_parameters_is_torchs():
    architecture = Architecture(dim=5, hidden=128, layers=2, activation="relu")
    parameters = initial_parameters(architecture, [torch.Generator()])
    assert parameters.shape == (1, architecture.row)
    assert not parameters[:, architecture.n_parameters :].any()
    assert sum(p.numel() for p in sequential(parameters[0], architecture).parameters()) == architecture.n_parameters


def test_initial_parameters_are_uniform_as_in_torch_linear():
    architecture = Architecture(dim=8, hidden=64, layers=2, activation="relu")
    layers = layers_of(initial_parameters(architecture, [torch.Generator().manual_seed(0)]), architecture)
    for tensor, inputs in zip(layers, (16, 16, 64, 64, 64, 64), strict=True):
        assert tensor.abs().max() <= inputs**-0.5
        if tensor.numel() > 1000:
            assert tensor.abs().max() > 0.99 * inputs**-0.5
            assert tensor.mean().abs() < 0.05 * inputs**-0.5


def test_layers_share_memory_with_the_parameters():
    architecture = Architecture(dim=1, hidden=2, layers=1, activation="relu")
    parameters = torch.zeros(2, architecture.n_parameters)
    layers_of(parameters, architecture)[0][1, 0, 0] = 3.0
    assert parameters[1, 0] == 3.0
