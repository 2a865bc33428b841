"""How fast an epoch could be on a processor: what torch computes and moves in it, and what both cost at best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

PRODUCT = 2048  # rows and columns of the matrix product whose rate stands for the processor's
COPIED = 1 << 24  # bytes, as large as a batch's activations


@dataclass(frozen=True)
class Operation:
    """One operation of torch: floating-point operations, bytes read and written, and the precision of its result."""

    count: int
    moved: int
    precision: torch.dtype


class Recorder(TorchDispatchMode):
    """Lists each `Operation` of torch within its context."""

    def __init__(self):
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
        if tensors and not func.is_view:
            formula = flop_registry.get(func.overloadpacket)
            count = formula(*args, **(kwargs or {}), out_val=out) if formula else 0
            moved = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            self.operations.append(Operation(count, moved, tensors[0].dtype))
        return out


def roofline(operations: list[Operation], per_operation: dict[torch.dtype, float], per_byte: float) -> float:
    """The least seconds of work in which each operation waits for the processor or for memory.

    Williams et al., Commun ACM 2009. ``per_operation`` and ``per_byte`` are seconds; operations of a precision that was
    not timed count as float32.

    Examples
    --------
    >>> work = [Operation(100, 1, torch.float32), Operation(0, 50, torch.float32)]
    >>> roofline(work, {torch.float32: 0.1}, 0.2)
    20.0
    """
    return sum(
        max(one.count * per_operation.get(one.precision, per_operation[torch.float32]), one.moved * per_byte)
        for one in operations
    )


def product(precision: torch.dtype) -> Callable[[], int]:
    """A contender that multiplies matrices of that precision; its items are floating-point operations."""
    one, other = (torch.randn(PRODUCT, PRODUCT).to(precision) for _ in range(2))

    def work() -> int:
        for _ in range(4):
            one @ other
        return 4 * 2 * PRODUCT**3

    return work


def copying() -> Callable[[], int]:
    """A contender that copies memory; its items are bytes, read and written."""
    source, target = torch.ones(COPIED // 4), torch.zeros(COPIED // 4)

    def work() -> int:
        for _ in range(32):
            target.copy_(source)
        return 32 * 2 * COPIED

    return work
