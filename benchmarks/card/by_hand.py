"""The cells as one writes them in PyTorch: compiled, channels last, bfloat16."""

from collections.abc import Callable
from typing import Any

import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

from benchmarks.card import ours
from benchmarks.card.network_by_hand import resnet
from benchmarks.card.work import EPSILON, PGD_STEPS, Cell
from benchmarks.peers import by_hand
from hfc_keras import spectrum
from hfc_keras.analysis.fourier_heat_map import NORM, PHASE, half_plane


def device() -> str:
    """The card, or the processor where there is none."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def dtype(name: str) -> Any:
    """Dtype of a name."""
    return getattr(torch, name)


def work(cell: Cell, policy: str) -> Callable[[], object] | None:
    """One call of a cell; None for the standard evaluation, which nobody writes by hand.

    Args:
        cell: Cell.
        policy: str, ``"mixed_bfloat16"`` or ``"float32"``.

    Returns:
        function of no argument, which returns when the card is done.
    """
    images, labels = ours.images_and_labels(cell)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).to(device())
    y = torch.from_numpy(labels).long().to(device())
    if cell.task == "filter":
        return _filter(x, cell)
    module = resnet(cell.network, cell.side, width=cell.width).to(device())
    module = module.to(memory_format=torch.channels_last)
    x = x.contiguous(memory_format=torch.channels_last)
    tasks = {
        "training": _training,
        "pgd": _adversarial,
        "heat_map": _heat_map,
        "sensitivity": _sensitivity,
    }
    if cell.task not in tasks:
        return None
    return tasks[cell.task](module, x, y, cell, policy != "float32")


def release() -> None:
    """Give memory of the card back that nothing uses any more."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _compiled(function: Any, cell: Cell) -> Any:
    return torch.compile(function) if cell.compiled else function


def _optimized(module: Any, cell: Cell, half: bool) -> Callable[[Any, Any], float]:
    """A step of stochastic gradient descent with momentum."""
    optimizer = torch.optim.SGD(module.parameters(), 0.01, momentum=0.9)
    network = _compiled(module, cell)

    def step(images: Any, labels: Any) -> float:
        module.train()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device(), torch.bfloat16, enabled=half):
            logits = network(images)
        loss = torch.nn.functional.cross_entropy(logits.float(), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def _training(module: Any, x: Any, y: Any, cell: Cell, half: bool) -> Callable[[], object]:
    step = _optimized(module, cell, half)
    return lambda: step(x, y)


def _adversarial(module: Any, x: Any, y: Any, cell: Cell, half: bool) -> Callable[[], object]:
    step = _optimized(module, cell, half)
    size = 2.5 * EPSILON / PGD_STEPS
    attack = by_hand.pgd(module, EPSILON, size, PGD_STEPS, cell.compiled, half)

    def work() -> float:
        module.eval()
        with torch.no_grad():
            adversarial = attack(x, y)
        return step(adversarial, y)

    return work


def _sensitivity(module: Any, x: Any, y: Any, cell: Cell, half: bool) -> Callable[[], object]:
    module.eval().requires_grad_(False)
    shares = by_hand.sensitivity(module, cell.side, cell.compiled, half)
    return lambda: shares(x, y).mean(0).cpu()


def _heat_map(module: Any, x: Any, y: Any, cell: Cell, half: bool) -> Callable[[], object]:
    module.eval().requires_grad_(False)
    side, norm = cell.side, NORM * cell.side / 32
    pairs = half_plane(side, side).tolist()
    near = [pair for pair in pairs if all(_frequency(k, side) <= cell.waves for k in pair)]
    bases = [spectrum.fourier_basis(side, side, row, column, PHASE) for row, column in near]
    waves = [norm * torch.from_numpy(basis).float().to(device()) for basis in bases]

    def wrong(images: Any, labels: Any, wave: Any, signs: Any) -> Any:
        with torch.autocast(device(), torch.bfloat16, enabled=half):
            logits = module((images + wave * signs).clamp(0, 1))
        return (logits.argmax(1) != labels).float().mean()

    rate = _compiled(wrong, cell)

    @torch.no_grad()
    def work() -> list[float]:
        shape = (len(x), x.shape[1], 1, 1)
        signs = [2 * torch.randint(2, shape, device=device()) - 1 for _ in waves]
        pairs = zip(waves, signs, strict=True)
        return [float(rate(x, y, wave, sign)) for wave, sign in pairs]

    return work


def _frequency(index: int, side: int) -> int:
    """Frequency of an index of the transform."""
    return min(index, side - index)


def _filter(x: Any, cell: Cell) -> Callable[[], object]:
    mask = spectrum.radial_mask(cell.side, cell.side, cell.side / 4)[:, : cell.side // 2 + 1]
    kept = torch.from_numpy(mask).float().to(device())

    def split(images: Any) -> Any:
        low = torch.fft.irfft2(torch.fft.rfft2(images) * kept, s=images.shape[-2:])
        return low, images - low

    chosen = _compiled(split, cell)
    return lambda: [float(part[0, 0, 0, 0]) for part in chosen(x.contiguous())]
