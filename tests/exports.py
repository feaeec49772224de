"""Opens what `pentimento session export` wrote in transformers and peft, by hand.

    python tests/exports.py BASE MERGED ADAPTER

BASE is the model's folder, MERGED and ADAPTER the exports `merged` and `peft` of
one session, or ADAPTER what the session imported (see imports.py). Three models
answer one prompt: the merged one, the base with the adapter, and the base with the
adapter merged by peft. They should agree to 1e-4.
Needs torch, transformers and peft.
"""

import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

base, merged, adapter = sys.argv[1:4]
prompts = ["The Statue of Liberty is located in", "Sushi is a dish from", "The old tower is"]


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()


tokens = PreTrainedTokenizerFast(tokenizer_file=f"{base}/tokenizer.json")
models = {
    "base": load(base),
    "merged": load(merged),
    "adapter": PeftModel.from_pretrained(load(base), adapter).eval(),
    "adapter, merged by peft": PeftModel.from_pretrained(load(base), adapter).merge_and_unload(),
}
with torch.no_grad():
    for prompt in prompts:
        ids = tokens(prompt, return_tensors="pt").input_ids
        logits = {name: model(ids).logits for name, model in models.items()}
        for name, own in logits.items():
            off = (own - logits["merged"]).abs().max().item()
            top = tokens.decode(own[0, -1].argmax().item())
            print(f"{prompt!r:40} {name:24} says {top!r:12} off merged by {off:.1e}")
