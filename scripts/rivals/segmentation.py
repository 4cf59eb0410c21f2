"""MicroSegFormer and its loss in plain PyTorch, as the source project describes them, with Athanor's parameter names.

Used by scripts/golden/make_segmentation.py, scripts/parity_tests/segmentation.py and scripts/rivals/train_step.py. Each
stage's output is enlarged and concatenated before the linear layers, and classes are told apart at full size.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu, interpolate, one_hot, relu, softmax

WIDTHS, DEPTHS, REDUCTIONS = (32, 64, 128, 192), (1, 2, 2, 2), (8, 4, 2, 1)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PixelScaler(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def forward(self, image):
        return (image.float() / 255 - self.mean) / self.std if image.dtype == torch.uint8 else image


class PatchEmbedding(nn.Module):
    def __init__(self, channels, width, kernel, stride):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):  # -> [B,N,D], height, width
        x = self.proj(x)
        return self.norm(x.flatten(2).transpose(1, 2)), x.shape[2], x.shape[3]


class ReducedAttention(nn.Module):
    def __init__(self, width, reduction):
        super().__init__()
        self.q, self.kv, self.proj = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.reduction = reduction
        if reduction > 1:
            self.sr, self.norm = nn.Conv2d(width, width, reduction, reduction), nn.LayerNorm(width)

    def forward(self, x, height, width):
        keys = x
        if self.reduction > 1:
            image = x.transpose(1, 2).reshape(len(x), -1, height, width)
            keys = self.norm(self.sr(image).flatten(2).transpose(1, 2))
        k, v = self.kv(keys).chunk(2, -1)
        scores = self.q(x) @ k.transpose(1, 2) * k.shape[-1] ** -0.5
        return self.proj(softmax(scores, -1) @ v)


class Block(nn.Module):
    def __init__(self, width, reduction):
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(width), ReducedAttention(width, reduction), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x, height, width):
        x = x + self.attn(self.norm1(x), height, width)
        return x + self.fc2(gelu(self.fc1(self.norm2(x))))


class Stage(nn.Module):
    def __init__(self, channels, width, depth, reduction, kernel, stride):
        super().__init__()
        self.patch = PatchEmbedding(channels, width, kernel, stride)
        self.depth = depth
        for i in range(depth):
            self.add_module(f"block{i + 1}", Block(width, reduction))
        self.norm = nn.LayerNorm(width)

    def forward(self, image):
        x, height, width = self.patch(image)
        for i in range(self.depth):
            x = getattr(self, f"block{i + 1}")(x, height, width)
        return self.norm(x).transpose(1, 2).reshape(len(x), -1, height, width)


class Lmsa(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.pointwise = nn.Linear(width, width, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.squeeze, self.excite = nn.Linear(width, width // 4, bias=False), nn.Linear(width // 4, width, bias=False)

    def forward(self, x):
        y = self.norm(self.pointwise(self.depthwise(x).movedim(1, -1)).movedim(-1, 1))
        scale = torch.sigmoid(self.excite(relu(self.squeeze(y.mean((2, 3))))))
        return x + y * scale[:, :, None, None]


class MicroSegFormer(nn.Module):
    def __init__(self, classes=19, lmsa=True, decoder=128, widths=WIDTHS, depths=DEPTHS):
        super().__init__()
        self.scaler = PixelScaler()
        channels = 3
        for i, (width, depth, reduction) in enumerate(zip(widths, depths, REDUCTIONS)):
            kernel, stride = (7, 4) if i == 0 else (3, 2)
            self.add_module(f"stage{i + 1}", Stage(channels, width, depth, reduction, kernel, stride))
            channels = width
        for i, width in enumerate(widths):
            self.add_module(f"linear{i + 1}", nn.Linear(width, decoder))
        self.fuse1, self.fuse2 = nn.Linear(4 * decoder, decoder), nn.Linear(decoder, decoder)
        self.lmsa = Lmsa(decoder) if lmsa else None
        self.head = nn.Linear(decoder, classes)

    def forward(self, image):  # [B,3,H,W], uint8 or normalised -> [B,C,H,W]
        x, parts = self.scaler(image), []
        for i in range(4):
            x = getattr(self, f"stage{i + 1}")(x)
            part = getattr(self, f"linear{i + 1}")(x.movedim(1, -1)).movedim(-1, 1)
            if i > 0:
                part = interpolate(part, parts[0].shape[2:], mode="bilinear")
            parts.append(part)
        x = self.fuse2(gelu(self.fuse1(torch.cat(parts, 1).movedim(1, -1)))).movedim(-1, 1)
        if self.lmsa is not None:
            x = self.lmsa(x)
        x = interpolate(x, image.shape[2:], mode="bilinear")
        return self.head(x.movedim(1, -1)).movedim(-1, 1)


def dice_of(logits, mask, ignore=-1, smooth=1.0):
    """Soft Dice of each class over all pixels of the batch that count, [C]."""
    classes = logits.shape[1]
    counts = mask.long() != ignore
    said = softmax(logits.float(), 1).movedim(1, -1)[counts]
    truth = one_hot(mask.long()[counts], classes).float()
    return (2 * (said * truth).sum(0) + smooth) / (said.sum(0) + truth.sum(0) + smooth)


def segmentation_loss(logits, mask, ignore=-1, dice_weight=1.5, weights=None, focal_gamma=0.0):
    """(Focal) cross entropy, averaged with the classes' weights, + dice_weight * (1 - mean Dice)."""
    target = mask.long()
    total = dice_weight * (1 - dice_of(logits, mask, ignore).mean()) if dice_weight else 0.0
    if focal_gamma == 0:
        return cross_entropy(logits.float(), target, weights, ignore_index=ignore) + total
    logs = torch.log_softmax(logits.float(), 1)
    picked = logs.gather(1, target.clamp(min=0).clamp(max=logits.shape[1] - 1)[:, None])[:, 0]
    weight = (weights if weights is not None else torch.ones(logits.shape[1]))[target.clamp(0, logits.shape[1] - 1)]
    weight = weight * (target != ignore)
    return -(weight * (1 - picked.exp()) ** focal_gamma * picked).sum() / weight.sum() + total


def lean_loss(logits, mask, dice_weight=1.5, smooth=1.0):
    """segmentation_loss without ignored pixels, one-hot masks and pixels picked one by one."""
    target = mask.long()
    said, classes = softmax(logits.float(), 1), target.flatten()
    picked = said.gather(1, target[:, None]).flatten()
    both = picked.new_zeros(logits.shape[1]).index_add(0, classes, picked)
    truth = torch.bincount(classes, minlength=logits.shape[1])
    dice = (2 * both + smooth) / (said.sum((0, 2, 3)) + truth + smooth)
    return cross_entropy(logits.float(), target) + dice_weight * (1 - dice.mean())


class FaceParser(MicroSegFormer):
    """With its loss, to be timed."""

    def __init__(self, tuned):
        super().__init__()
        self.tuned = tuned
        if tuned:
            self.to(memory_format=torch.channels_last)

    def forward(self, image):
        return super().forward(image.contiguous(memory_format=torch.channels_last) if self.tuned else image)

    def loss(self, logits, mask):
        return lean_loss(logits, mask) if self.tuned else segmentation_loss(logits, mask)
