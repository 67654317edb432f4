"""Models of the zoo as torchvision, timm and transformers publish them: the smallest depth, random weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch

from tests.importers.zoo.small import Case, classes


def _vision(name: str, *, train: bool = True, **how: Any) -> Case:
    """A classifier of torchvision's on four images of 64 x 64."""
    model = getattr(import_module("torchvision.models"), name)(weights=None, num_classes=10, **how).train(train)
    return model, (torch.randn(4, 3, 64, 64),), classes(10, 4)


def _timm(name: str) -> Case:
    model = import_module("timm").create_model(name, pretrained=False, img_size=64, num_classes=10)
    return model, (torch.randn(4, 3, 64, 64),), classes(10, 4)


def _text(config: str, model: str, settings: dict[str, Any], attention: str = "eager") -> Case:
    """A model of transformers on four texts of nine words, and the loss that it gives itself."""
    transformers = import_module("transformers")
    built = getattr(transformers, config)(**settings)
    built._attn_implementation = attention
    made = getattr(transformers, model)(built).double()
    words = torch.randint(50, (4, 9))
    return made, {"input_ids": words, "labels": words.clone()}, lambda out: out.loss


_GPT2 = {"vocab_size": 50, "n_embd": 16, "n_head": 2, "n_positions": 16, "bos_token_id": 0, "eos_token_id": 0}
_BERT = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
_LLAMA = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 16, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 32, "tie_word_embeddings": True,
}  # fmt: skip
_T5 = {"vocab_size": 50, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 6, "num_heads": 4,
       "decoder_start_token_id": 0}  # fmt: skip
_MOE = {**_LLAMA, "num_experts": 4, "num_experts_per_tok": 2, "experts_implementation": "batched_mm",
        "output_router_logits": True, "tie_word_embeddings": False}  # fmt: skip
_SSM = {"vocab_size": 50, "hidden_size": 8, "state_size": 4, "num_hidden_layers": 24, "use_cache": False}

PUBLISHED: dict[str, Callable[[], Case]] = {
    "vgg11": partial(_vision, "vgg11"),
    "resnet18 train": partial(_vision, "resnet18"),
    "resnet18 eval": partial(_vision, "resnet18", train=False),
    "mobilenet_v3": partial(_vision, "mobilenet_v3_small"),
    "efficientnet": partial(_vision, "efficientnet_b0"),
    "convnext": partial(_vision, "convnext_tiny"),
    "densenet": partial(_vision, "densenet121"),
    "swin": partial(_vision, "swin_t"),
    "vit": partial(_timm, "vit_tiny_patch16_224"),
    "gpt2 eager": partial(_text, "GPT2Config", "GPT2LMHeadModel", {**_GPT2, "n_layer": 12}),
    "gpt2 sdpa": partial(_text, "GPT2Config", "GPT2LMHeadModel", {**_GPT2, "n_layer": 12}, "sdpa"),
    "bert": partial(_text, "BertConfig", "BertForMaskedLM", _BERT),
    "llama": partial(_text, "LlamaConfig", "LlamaForCausalLM", _LLAMA, "sdpa"),
    "t5": partial(_text, "T5Config", "T5ForConditionalGeneration", _T5),
    "moe": partial(_text, "OlmoeConfig", "OlmoeForCausalLM", _MOE),
    "ssm": partial(_text, "MambaConfig", "MambaForCausalLM", _SSM),
}  # depths: GPT-2 small, BERT-tiny, Llama 3.2 1B, T5-small, OLMoE, Mamba 130M, ViT-Ti
