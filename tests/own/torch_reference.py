"""Residual networks in plain PyTorch, and files of their weights."""

import pathlib

import numpy as np
import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions and a shortcut, of option A or B."""

    def __init__(self, before, own, strides, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(before, own, 3, strides, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(own)
        self.conv2 = nn.Conv2d(own, own, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(own)
        self.quarter = own // 4 if own > before and not projection else 0
        self.shortcut = nn.Sequential()
        if own > before and projection:
            convolution = nn.Conv2d(before, own, 1, strides, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(own))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.quarter:
            zeros = (0, 0, 0, 0, self.quarter, self.quarter)
            return (y + nn.functional.pad(x[:, :, ::2, ::2], zeros)).relu()
        return (y + self.shortcut(x)).relu()


class Network(nn.Module):
    """Residual network with a 3 x 3 stem, of five classes."""

    def __init__(self, stages, projection):
        super().__init__()
        self.stages, width = len(stages), 64 if len(stages) == 4 else 16
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1, before = nn.BatchNorm2d(width), width
        for stage, count in enumerate(stages):
            own, blocks = width * 2**stage, []
            for block in range(count):
                blocks.append(Block(before, own, 2 if stage and not block else 1, projection))
                before = own
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(before, 5)

    def forward(self, x):
        x = self.bn1(self.conv1(x)).relu()
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(x.mean((2, 3)))


def network(name):
    """The network of a name; torchvision's are its own."""
    torch.manual_seed(0)
    if name in ("resnet18", "resnet50"):
        import torchvision

        found = getattr(torchvision.models, name)(num_classes=5)
    else:
        depth = int(name.removeprefix("resnet").partition("_")[0])
        stages = (2, 2, 2, 2) if depth == 18 else ((depth - 2) // 6,) * 3
        found = Network(stages, projection="_" in name)
    for module in found.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, 0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return found.eval()


def save(name, folder):
    """Write weights, and logits of the images in a folder."""
    folder, own = pathlib.Path(folder), network(name)
    images = torch.tensor(np.moveaxis(np.load(folder / "images.npy"), 3, 1)).float()
    with torch.no_grad():
        np.save(folder / "logits.npy", own(images).numpy())
    torch.save(own.state_dict(), folder / "plain.pth")
    return folder, own


def save_all(name, folder):
    """Write the weights in every way that is usual."""
    folder, own = save(name, folder)
    parallel = {"net": nn.DataParallel(own).state_dict(), "epoch": 3}
    torch.save(parallel, folder / "parallel.pth")
    torch.save(parallel, folder / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": torch.compile(own).state_dict()}, folder / "compiled.pth")
    for half in ("float16", "bfloat16"):
        changed = {key: each.to(getattr(torch, half)) for key, each in own.state_dict().items()}
        torch.save(changed, folder / f"{half}.pth")
