"""Makes an adapter with peft, for `pentimento session import` to read. By hand:

    python tests/imports.py BASE ADAPTER
    pentimento --model BASE session import ADAPTER --save s.toml
    pentimento --model BASE session export s.toml --as merged --out MERGED
    python tests/exports.py BASE MERGED ADAPTER

BASE is the model's folder. The adapter is of every MLP output matrix, with random
factors, an alpha that is not its rank, and another rank and alpha for layer 1. The
last command's three models should agree to 1e-4. Needs torch, transformers, peft.
"""

import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

base, adapter = sys.argv[1:3]
model = AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float32)
ends = ("mlp.c_proj", "mlp.fc_out", "mlp.dense_4h_to_h", "mlp.down_proj")
modules = [name for name, _ in model.named_modules() if name.endswith(ends)]
config = LoraConfig(
    r=4,
    lora_alpha=10,
    target_modules=modules,
    rank_pattern={r"1\.mlp\.\w+": 2},
    alpha_pattern={modules[1]: 7},
    use_rslora="--rslora" in sys.argv,
    fan_in_fan_out=modules[0].endswith("c_proj"),
    task_type="CAUSAL_LM",
)
model = get_peft_model(model, config)
torch.manual_seed(0)
with torch.no_grad():
    for name, weights in model.named_parameters():
        if "lora_" in name:
            weights.normal_(std=0.1)
model.save_pretrained(adapter)
