"""Each estimator's value and gradient against its paper's formula in plain loops: NumPy, float64, one member.

The gradient of what is descended is that of the loop's loss by central differences, so it is derived nowhere.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made_outputs import SMALL, gradients, requiring_grad, small

N, M = 4, 3
SCORE = st.floats(-3, 3)
PAIRS = hnp.arrays(np.float64, N, elements=SCORE)
PRODUCTS = hnp.arrays(np.float64, (N, M), elements=SCORE)
ALPHA, TAU, RATE = SMALL.alpha, SMALL.smile_tau, SMALL.ema_rate


def average(terms):
    terms = list(terms)
    return math.fsum(terms) / len(terms)


def log1p_exp(t):
    return math.log(1.0 + math.exp(t))


def every(product):
    return [t for row in product for t in row]


def donsker_varadhan(joint, product):
    return average(joint) - math.log(average(math.exp(t) for t in every(product)))


def nwj(joint, product):
    return average(joint) - average(math.exp(t) for t in every(product)) / math.e


def tuba(joint, product, log_baseline):
    first = average(math.log(math.exp(joint[i]) / math.exp(log_baseline[i])) for i in range(N))
    second = average(math.exp(product[i][j]) / math.exp(log_baseline[i]) for i in range(N) for j in range(M))
    return 1.0 + first - second


def infonce(joint, product):
    total = 0.0
    for i in range(N):
        among = [joint[i], *product[i]]
        total += math.log(math.exp(joint[i]) / average(math.exp(t) for t in among))
    return total / N


def interpolated(joint, product, log_baseline, alpha=ALPHA):
    """K = M x's: in the first term z's own and M - 1 others, in the second M others, each of which is x_1 once."""
    first = second = 0.0
    for i in range(N):
        a = math.exp(log_baseline[i])
        b = alpha * average(math.exp(t) for t in [joint[i], *product[i][:-1]]) + (1.0 - alpha) * a
        first += math.log(math.exp(joint[i]) / b) / N
        b_other = alpha * average(math.exp(t) for t in product[i]) + (1.0 - alpha) * a
        second += sum(math.exp(t) / b_other for t in product[i]) / (N * M)
    return 1.0 + first - second


def flo(joint, product, u):
    total = 0.0
    for i in range(N):
        total += u[i] + math.exp(-u[i]) * average(math.exp(t - joint[i]) for t in product[i]) - 1.0
    return -total / N


def classifier(joint, product):
    """Minus (log-likelihood of joint pairs as such, plus that of product pairs), of D = sigmoid(T)."""
    sigmoid = [1.0 / (1.0 + math.exp(-t)) for t in joint], [1.0 / (1.0 + math.exp(-t)) for t in every(product)]
    return -average(math.log(d) for d in sigmoid[0]) - average(math.log(1.0 - d) for d in sigmoid[1])


def jensen_shannon(joint, product):
    return nwj([1.0 + t for t in joint], [[1.0 + t for t in row] for row in product])


def smile(joint, product):
    clipped = [min(max(math.exp(t), math.exp(-TAU)), math.exp(TAU)) for t in every(product)]
    return average(joint) - math.log(average(clipped))


def dime_kl(joint, product):
    """J_KL of D = e^T."""
    d, d_other = [math.exp(t) for t in joint], [math.exp(t) for t in every(product)]
    return average(math.log(each) for each in d) - average(d_other) + 1.0


def dime_kl_value(joint, product):
    return average(math.log(math.exp(t)) for t in joint)


def dime_gan(joint, product):
    """J_GAN of D = 1 / (1 + e^T)."""
    d, d_other = [1.0 / (1.0 + math.exp(t)) for t in joint], [1.0 / (1.0 + math.exp(t)) for t in every(product)]
    return average(math.log(1.0 - each) for each in d) + average(math.log(each) for each in d_other) + math.log(4.0)


def dime_gan_value(joint, product):
    d = [1.0 / (1.0 + math.exp(t)) for t in joint]
    return average(math.log((1.0 - each) / each) for each in d)


def dime_hellinger(joint, product):
    """J_HD of D = e^(-T/2)."""
    d, d_other = [math.exp(-0.5 * t) for t in joint], [math.exp(-0.5 * t) for t in every(product)]
    return 2.0 - average(d) - average(1.0 / each for each in d_other)


def dime_hellinger_value(joint, product):
    return average(math.log(1.0 / math.exp(-0.5 * t) ** 2) for t in joint)


def difference_of_entropies(conditional, marginal):
    entropy, conditional_entropy = -average(marginal), -average(conditional)
    return entropy - conditional_entropy


def cross_entropies(conditional, marginal):
    return -average(conditional) - average(marginal)


def club(conditional, others):
    return average(average(conditional[i] - other for other in others[i]) for i in range(N))


def minde(conditional, marginal, difference):
    """Half the range of log SNR at noise that grows at rates from 0.1 to 20, from time 0.001 to 1, times the mean."""
    ends = [-math.log(math.exp(0.1 * t + 19.9 * t * t / 2) - 1) for t in (0.001, 1.0)]
    return 0.5 * (ends[0] - ends[1]) * average(difference)


def minus(function):
    return lambda *outputs: -function(*outputs)


T, A, U, DENSITIES, CONDITIONALS, SCORES = (
    ("joint", "product"),
    ("joint", "product", "log_baseline"),
    ("joint", "product", "u"),
    ("conditional", "marginal"),
    ("conditional", "others"),
    ("conditional", "marginal", "difference"),
)

# Name to its outputs, its value and what it descends.
FORMULAS = {
    "biased": (T, donsker_varadhan, minus(donsker_varadhan)),
    "biased-stable": (T, donsker_varadhan, minus(donsker_varadhan)),
    "nwj": (T, nwj, minus(nwj)),
    "tuba": (A, tuba, minus(tuba)),
    "infonce": (T, infonce, minus(infonce)),
    "interpolated": (A, interpolated, minus(interpolated)),
    "flo": (U, flo, minus(flo)),
    "js": (T, jensen_shannon, classifier),
    "smile": (T, smile, classifier),
    "kl-dime": (T, dime_kl_value, minus(dime_kl)),
    "gan-dime": (T, dime_gan_value, minus(dime_gan)),
    "hd-dime": (T, dime_hellinger_value, minus(dime_hellinger)),
    "doe-gaussian": (DENSITIES, difference_of_entropies, cross_entropies),
    "doe-logistic": (DENSITIES, difference_of_entropies, cross_entropies),
    "doe-flow": (DENSITIES, difference_of_entropies, cross_entropies),
    "minde": (SCORES, minde, lambda conditional, marginal, difference: average(conditional) + average(marginal)),
    "club": (CONDITIONALS, club, lambda conditional, others: -average(conditional)),
}


def central_differences(function, arrays, step=1e-5):
    """Gradient of function(*arrays) with respect to each array."""
    found = []
    for place, array in enumerate(arrays):
        gradient = np.empty_like(array)
        for index in np.ndindex(*array.shape):
            ends = []
            for sign in (1.0, -1.0):
                moved = [each.copy() for each in arrays]
                moved[place][index] += sign * step
                ends.append(function(*moved))
            gradient[index] = (ends[0] - ends[1]) / (2.0 * step)
        found.append(gradient)
    return found


def stacked(names, arrays):
    return {name: torch.tensor(array)[None] for name, array in zip(names, arrays, strict=True)}


@settings(max_examples=12, deadline=None)
@given(one=PAIRS, many=PRODUCTS, another=PAIRS)
@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_gradient_are_the_papers(name, one, many, another):
    names, value, loss = FORMULAS[name]
    arrays = [many if each in ("product", "others") else one for each in names]
    if len(names) == 3 or names == DENSITIES:
        arrays[-1] = another
    outputs = requiring_grad(stacked(names, arrays))
    estimator = small(name)
    assert estimator.value(outputs).item() == pytest.approx(value(*arrays), rel=1e-10, abs=1e-10)

    descended, state = estimator.loss(outputs, ())
    assert state == ()
    assert descended.log_ema is None
    found = gradients(descended.loss, outputs)
    for each, expected in zip(names, central_differences(loss, arrays), strict=True):
        np.testing.assert_allclose(found[each][0].detach().numpy(), expected, rtol=1e-6, atol=1e-7)


@settings(max_examples=12, deadline=None)
@given(joint=PAIRS, product=PRODUCTS, v=st.floats(0.1, 10.0))
@pytest.mark.parametrize("name", ["ema", "ema-log"])
def test_ema_divides_by_the_moving_average(name, joint, product, v):
    """Belghazi et al. 2018, section 3.2: v is held fixed in the gradient, after its update."""
    outputs = requiring_grad(stacked(T, (joint, product)))
    estimator = small(name)
    updated = (1.0 - RATE) * v + RATE * average(math.exp(t) for t in every(product))

    def loss(joint, product):
        return average(math.exp(t) for t in every(product)) / updated - average(joint)

    assert estimator.value(outputs).item() == pytest.approx(donsker_varadhan(joint, product), rel=1e-10, abs=1e-10)
    before, after = (math.log(v), math.log(updated)) if name == "ema-log" else (v, updated)
    descended, (kept,) = estimator.loss(outputs, (torch.tensor([before], dtype=torch.float64),))
    assert kept.item() == pytest.approx(after, rel=1e-10, abs=1e-10)
    assert descended.log_ema.item() == pytest.approx(math.log(updated), rel=1e-10, abs=1e-10)
    found = gradients(descended.loss, outputs)
    for each, expected in zip(T, central_differences(loss, (joint, product)), strict=True):
        np.testing.assert_allclose(found[each][0].detach().numpy(), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_smile_clips_at_its_tau(tau):
    joint, product = np.zeros((1, 2)), np.array([[[9.0, -9.0], [0.1, -0.2]]])
    ratios = [math.exp(tau), math.exp(-tau), math.exp(0.1), math.exp(-0.2)]
    value = small("smile", smile_tau=tau).value(stacked(T, (joint[0], product[0])))
    assert value.item() == pytest.approx(-math.log(average(ratios)), rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(joint=PAIRS, product=PRODUCTS, log_baseline=PAIRS)
def test_interpolation_ends_in_tuba_and_in_infonce(joint, product, log_baseline):
    outputs = stacked(A, (joint, product, log_baseline))
    first_others = outputs | {"product": outputs["product"][:, :, :-1]}
    ends = {alpha: small("interpolated", alpha=alpha).value(outputs).item() for alpha in (0.0, 1.0)}
    assert ends[0.0] == pytest.approx(small("tuba").value(outputs).item(), rel=1e-10, abs=1e-10)
    assert ends[1.0] == pytest.approx(small("infonce").value(first_others).item(), rel=1e-10, abs=1e-10)


@settings(max_examples=50, deadline=None)
@given(
    joint=hnp.arrays(np.float64, N, elements=st.floats(-100, 100)),
    product=hnp.arrays(np.float64, (N, M), elements=st.floats(-100, 100)),
    log_baseline=hnp.arrays(np.float64, N, elements=st.floats(-100, 100)),
    alpha=st.floats(0.01, 1.0),
)
def test_values_stay_under_their_caps(joint, product, log_baseline, alpha):
    outputs = stacked(A, (joint, product, log_baseline))
    assert small("infonce").value(outputs).item() <= math.log(M + 1) + 1e-9
    cap = math.log(M / alpha) + (alpha < 1.0)
    assert small("interpolated", alpha=alpha).value(outputs).item() <= cap + 1e-9


def test_interpolation_can_pass_log_k_over_alpha():
    """So its cap is one more than that: with T high on joint and low on product pairs the second term vanishes."""
    outputs = stacked(A, (np.full(N, 60.0), np.full((N, M), -60.0), np.zeros(N)))
    value = small("interpolated", alpha=0.1).value(outputs).item()
    assert value == pytest.approx(1.0 + math.log(M / 0.1), rel=1e-9)


def test_three_values_of_one_critic():
    """js, smile and gan-dime descend the same loss, so that one seed trains one critic for all three."""
    source = np.random.default_rng(0)
    outputs = stacked(T, (source.normal(0, 6, N), source.normal(0, 6, (N, M))))
    losses = [small(name).loss(outputs, ())[0].loss.item() for name in ("js", "smile", "gan-dime")]
    values = [small(name).value(outputs).item() for name in ("js", "smile", "gan-dime")]
    assert losses[0] == losses[1] == losses[2]
    assert len(set(values)) == 3
