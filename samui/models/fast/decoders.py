"""The mask decoders of SAM's followers with less work per prompt, as `FastDecoder` has it for SAM's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from samui.models.fast.cross import ImageTerms, rows
from samui.models.fast.decoder import FastDecoder, Outputs, as_product, normal

_SIDE = 3  # of the kernels of SAM-HQ's last convolutions


class FastSam2Decoder(FastDecoder):
    """The forward pass of a `Sam2MaskDecoder`, or that of EdgeTAM or SAM 3's tracker.

    `ImageTerms.more`: the maps that are added while patches become finer, middle (h, w, 2, 2, c) and fine
    (h, w, 2, 2, 2, 2, c'), as views of the embedding's own memory.
    """

    def own_tokens(self) -> torch.Tensor:
        """See `FastDecoder.own_tokens`."""
        return torch.cat([self.decoder.obj_score_token.weight, super().own_tokens()])

    def more_terms(self, tensors: Mapping[str, torch.Tensor], unmasked: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See `FastDecoder.more_terms`."""
        height, width = self.grid
        middle = tensors["middle"][0].permute(1, 2, 0).to(self.dtype)
        fine = tensors["fine"][0].permute(1, 2, 0).to(self.dtype)
        middle = middle.unflatten(1, (width, 2)).unflatten(0, (height, 2)).permute(0, 2, 1, 3, 4)
        fine = fine.unflatten(1, (width, 2, 2)).unflatten(0, (height, 2, 2)).permute(0, 3, 1, 4, 2, 5, 6)
        return middle, fine

    def answer(self, tokens: torch.Tensor, patches: list[torch.Tensor], terms: ImageTerms, multimask: bool) -> Outputs:
        """See `FastDecoder.answer`. Without `multimask` the decoder looks at all four masks before it takes one."""
        decoder, count = self.decoder, self.decoder.num_mask_tokens
        choose = not multimask and decoder.dynamic_multimask_via_stability
        chosen = range(1, count) if multimask else range(count if choose else 1)
        told = tokens[:, :, 2 : 2 + count]
        mixtures = self.mixtures(told, chosen)
        logits = torch.stack(
            [self.mixed(self._finer(own, terms), mix) for own, mix in zip(patches, mixtures, strict=True)]
        )[:, None]
        scores = decoder.iou_prediction_head(tokens[:, :, 1])[:, :, chosen.start : chosen.stop]
        if choose:
            logits, scores = decoder._dynamic_multimask_via_stability(logits, scores)
        kept = slice(1, None) if multimask else slice(0, 1)
        return logits, scores, told[:, :, kept], decoder.pred_obj_score_head(tokens[:, :, 0])

    def trial_inputs(self, random: Any) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """See `FastDecoder.trial_inputs`."""
        tensors, _ = super().trial_inputs(random)
        height, width = self.grid
        tensors["fine"] = random(1, self.decoder.conv_s0.out_channels, 4 * height, 4 * width)
        tensors["middle"] = random(1, self.decoder.conv_s1.out_channels, 2 * height, 2 * width)
        maps = [tensors[name].expand(2, -1, -1, -1) for name in ("fine", "middle")]
        return tensors, {"high_resolution_features": maps}

    def _finer(self, patches: torch.Tensor, terms: ImageTerms) -> torch.Tensor:
        """`upscale` with the two maps of the image added on the way."""
        decoder, (first, second), (middle, fine) = self.decoder, self.up, terms.more
        made = self.math.linear(patches, *first).view(middle.shape).add_(middle)
        made = decoder.activation(normal(made.view(len(patches) * 4, -1), decoder.upscale_layer_norm))
        made = self.math.linear(made, *second).view(fine.shape).add_(fine)
        return decoder.activation(made.view(len(patches) * 16, -1))


class FastHqDecoder(FastDecoder):
    """The forward pass of a `SamHQMaskDecoder`.

    `ImageTerms.more`: the finer features of the image, (16 h w, c), in the order of `mixed`; transformers makes them
    anew for every prompt. Of the last convolution, whose channels are mixed to one mask at once, the mixture of kernels
    is taken: one channel instead of all.
    """

    def __init__(self, model: Any) -> None:
        """See `FastDecoder`."""
        super().__init__(model)
        decoder = self.decoder
        self._coarse = [as_product(decoder.encoder_conv1), as_product(decoder.encoder_conv2)]
        self._early = [as_product(decoder.compress_vit_conv1), as_product(decoder.compress_vit_conv2)]
        if any(
            c.kernel_size != (_SIDE, _SIDE) or c.padding != (1, 1) for c in (decoder.mask_conv1, decoder.mask_conv2)
        ):
            raise ValueError("the last convolutions must be of 3x3")

    def own_tokens(self) -> torch.Tensor:
        """See `FastDecoder.own_tokens`."""
        return torch.cat([super().own_tokens(), self.decoder.hq_token.weight])

    def more_terms(self, tensors: Mapping[str, torch.Tensor], unmasked: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See `FastDecoder.more_terms`."""
        decoder = self.decoder
        coarse = self._refined(rows(tensors["embedding"][0].to(self.dtype)), self._coarse, decoder.encoder_norm)
        early = self._refined(tensors["early"][0].to(self.dtype).flatten(0, 1), self._early, decoder.compress_vit_norm)
        return (coarse.add_(early),)

    def answer(self, tokens: torch.Tensor, patches: list[torch.Tensor], terms: ImageTerms, multimask: bool) -> Outputs:
        """See `FastDecoder.answer`. Three candidates come best first; the mask of high quality is added to each."""
        decoder, count = self.decoder, len(self.decoder.output_hypernetworks_mlps)
        chosen = range(1, count) if multimask else range(1)
        mixtures = self.mixtures(tokens[:, :, 1:], chosen)
        quality = decoder.hq_mask_mlp(tokens[:, 0, 1 + count])
        scores = decoder.iou_prediction_head(tokens[:, :, 0])[:, :, chosen.start : chosen.stop]
        if multimask:
            scores, order = torch.sort(scores, dim=2, descending=True)
            mixtures = mixtures.gather(1, order[:, 0, :, None].expand_as(mixtures))
        each = zip(patches, mixtures, quality, strict=True)
        made = [self.draw(own, mix, mix_quality, terms) for own, mix, mix_quality in each]
        return torch.stack(made)[:, None], scores

    def draw(self, patches: torch.Tensor, mix: torch.Tensor, quality: torch.Tensor, terms: ImageTerms) -> torch.Tensor:
        """Logits (k, 4 h, 4 w) of patches (n, c). mix: of SAM's masks (k, c); quality: of the one of high quality."""
        fine = self.upscale(patches)
        return self.mixed(fine, mix) + self.mixed(terms.more[0], quality[None]) + self._quality(fine, quality)

    def trial_inputs(self, random: Any) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """See `FastDecoder.trial_inputs`."""
        tensors, _ = super().trial_inputs(random)
        tensors["early"] = random(1, *self.grid, self.decoder.compress_vit_conv1.in_channels)
        return tensors, {"hq_token_only": False, "intermediate_embeddings": [tensors["early"]]}

    def _refined(self, patches: torch.Tensor, up: list[tuple[torch.Tensor, torch.Tensor]], norm: Any) -> torch.Tensor:
        """Patches (n, c) four times as fine, (16 n, c')."""
        fine = self.math.linear(patches, *up[0]).view(len(patches) * 4, -1)
        return self.math.linear(self.decoder.activation(normal(fine, norm)), *up[1]).view(len(patches) * 16, -1)

    def _quality(self, fine: torch.Tensor, mixture: torch.Tensor) -> torch.Tensor:
        """What the last convolutions make of fine rows (16 n, c) for one mixture (c,); (4 h, 4 w)."""
        decoder, (height, width) = self.decoder, self.grid
        hidden = self._hidden(fine)[0].permute(1, 2, 0).flatten(0, 1)
        kernel = torch.einsum("o,oiyx->yxi", mixture, decoder.mask_conv2.weight).flatten(0, 1)
        parts = self.math.linear(hidden, kernel).view(4 * height, 4 * width, _SIDE, _SIDE)
        padded = torch.nn.functional.pad(parts.permute(2, 3, 0, 1), (1, 1, 1, 1))
        mask = (mixture @ decoder.mask_conv2.bias).expand(4 * height, 4 * width).clone()
        for y in range(_SIDE):
            for x in range(_SIDE):
                mask += padded[y, x, y : y + 4 * height, x : x + 4 * width]
        return mask

    def _hidden(self, fine: torch.Tensor) -> torch.Tensor:
        """What the last convolution reads of fine rows (16 n, c): (1, c', 4 h, 4 w), channels last."""
        decoder, (height, width) = self.decoder, self.grid
        square = fine.view(height, width, 2, 2, 2, 2, -1).permute(6, 0, 2, 4, 1, 3, 5)
        square = square.reshape(1, -1, 4 * height, 4 * width).contiguous(memory_format=torch.channels_last)
        hidden = normal(decoder.mask_conv1(square).permute(0, 2, 3, 1), decoder.mask_norm)
        return decoder.activation(hidden).permute(0, 3, 1, 2)


class SwappedHqDecoder(FastHqDecoder):
    """The forward pass of `SamHQMaskDecoder` as it stands in transformers 5.23 and 5.24.

    There, masks are made of the image as it was before the decoder's attention, with rows and columns swapped, where
    SAM-HQ's authors make them of what the attention leaves. So without a mask in the prompt all that masks are mixed of
    is the image's own: `ImageTerms.more` holds besides the fine rows of SAM's masks and those of the mask of high
    quality.
    """

    most_kept = 4  # images; 35 MB each

    def drawn_from(self, patches: list[torch.Tensor], start: list[torch.Tensor]) -> list[torch.Tensor]:
        """See `FastDecoder.drawn_from`."""
        return start

    def more_terms(self, tensors: Mapping[str, torch.Tensor], unmasked: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See `FastDecoder.more_terms`."""
        (features,) = super().more_terms(tensors, unmasked)
        height, width = self.grid
        fine = self.upscale(unmasked)
        quality = self.decoder.mask_conv2(self._hidden(fine))[0].permute(1, 2, 0)
        quality = quality.unflatten(1, (width, 2, 2)).unflatten(0, (height, 2, 2)).permute(0, 3, 1, 4, 2, 5, 6)
        return features, fine, quality.reshape(features.shape).add_(features)

    def draw(self, patches: torch.Tensor, mix: torch.Tensor, quality: torch.Tensor, terms: ImageTerms) -> torch.Tensor:
        """See `FastHqDecoder.draw`."""
        if patches is terms.unmasked:
            _, fine, finest = terms.more
            return self.mixed(fine, mix) + self.mixed(finest, quality[None])
        return super().draw(patches, mix, quality, terms)

    def upscale(self, patches: torch.Tensor) -> torch.Tensor:
        """See `FastDecoder.upscale`."""
        return super().upscale(patches.view(*self.grid, -1).transpose(0, 1).flatten(0, 1))
