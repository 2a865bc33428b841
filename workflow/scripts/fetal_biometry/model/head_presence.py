"""The head-presence classifier: a logistic regression on a network's deepest features.

A network trained to draw nothing where there is no head finds small heads less well. The classifier is fitted after the
training instead, changes no other weight, and empties the head mask where its odds are against a head.
"""

import torch
from torch.nn import functional

_RIDGE = 0.01  # on the weights of standardised features, beside a mean loss of about 0.1
_FLAT = 1e-3  # standard deviation of a feature that says nothing


def fit_classifier(heads: torch.Tensor, others: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (F,) and bias of the logarithm of the odds that an image shows a head.

    Parameters
    ----------
    heads : Tensor of shape (N, F)
        Features of images with a head.
    others : list of Tensor of shape (M, F)
        Of images without one, group by group. Heads weigh as much as all of these, and every group as much as another.

    Examples
    --------
    >>> heads, others = torch.tensor([[1.0, 0], [2, 0], [3, 0]]), torch.tensor([[-1.0, 0], [-2, 0]])
    >>> weight, bias = fit_classifier(heads, [others])
    >>> bool((heads @ weight + bias > 2).all() and (others @ weight + bias < -2).all())
    True
    """
    groups = [heads, *others]
    features = torch.cat(groups).double()
    centre, spread = heads.double().mean(dim=0), heads.double().std(dim=0, correction=0) + _FLAT
    scaled = (features - centre) / spread
    truth = torch.cat([torch.full((len(group),), float(group is heads)) for group in groups]).double()
    shares = [0.5, *[0.5 / len(others)] * len(others)]
    importance = torch.cat([torch.full((len(g),), share / len(g)) for g, share in zip(groups, shares, strict=True)])
    found = torch.zeros(features.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([found], max_iter=300, line_search_fn="strong_wolfe")

    def penalised_loss():
        solver.zero_grad()
        odds = scaled @ found[:-1] + found[-1]
        losses = functional.binary_cross_entropy_with_logits(odds, truth, reduction="none")
        loss = (importance.double() * losses).sum() + _RIDGE * found[:-1].square().sum()
        loss.backward()
        return loss

    solver.step(penalised_loss)
    weight = found.detach()[:-1] / spread
    return weight.float(), (found.detach()[-1] - (weight * centre).sum()).float()
