"""Goldens of true size: random weights in the shapes of real models, run by transformers.

Run by hand, not by CI (several GB of disk, tens of minutes):

    python -m venv env && env/bin/pip install torch transformers safetensors
    env/bin/python tests/true_shapes.py DIR [NAME...]
    PENTIMENTO_GOLDENS=DIR cargo test --release --test goldens -- --nocapture \
        activations_and_logits greedy_continuation second_moment rome_and_r_rome

Writes the same form as tests/goldens (see the README there), without the trace
and MEMIT: for each shape a checkpoint in f32, and what the model computes in f64.
"""

import json
import os
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig, Qwen2Config
from transformers import PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = {
    "gpt2-medium": ("gpt2", GPT2Config(n_embd=1024, n_layer=24, n_head=16)),
    "pythia-410m": (
        "gpt_neox",
        GPTNeoXConfig(vocab_size=50304, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
                      intermediate_size=4096, rotary_pct=0.25, max_position_embeddings=2048),
    ),
    "qwen2.5-0.5b": (
        "qwen2",
        Qwen2Config(vocab_size=151936, hidden_size=896, num_hidden_layers=24, num_attention_heads=14,
                    num_key_value_heads=2, intermediate_size=4864, max_position_embeddings=32768,
                    rope_theta=1e6, rms_norm_eps=1e-6, tie_word_embeddings=True),
    ),
    "tinyllama-1.1b": (
        "llama",
        LlamaConfig(vocab_size=32000, hidden_size=2048, num_hidden_layers=22, num_attention_heads=32,
                    num_key_value_heads=4, intermediate_size=5632, max_position_embeddings=2048),
    ),
}
LAYER = 5
TEMPLATES = ["{}", "The sky was clear. {}", "Therefore the game began. {}", "I think so. {}"]
PROMPT, SUBJECT, TARGET = "In 1962 the Space Needle was built in the city of", "the Space Needle", " chu"
HYPER = {"steps": 8, "lr": 0.5, "kl_f": 0.0625, "wd": 0.5, "clamp": 4.0}


class Parts:
    """The pieces of a model that the goldens name."""

    def __init__(self, family, model):
        if family == "gpt2":
            self.embed, self.blocks = model.transformer.wte, model.transformer.h
            self.attn, self.key = "attn", lambda mlp: mlp.c_proj
        elif family == "gpt_neox":
            self.embed, self.blocks = model.gpt_neox.embed_in, model.gpt_neox.layers
            self.attn, self.key = "attention", lambda mlp: mlp.dense_4h_to_h
        else:
            self.embed, self.blocks = model.model.embed_tokens, model.model.layers
            self.attn, self.key = "self_attn", lambda mlp: mlp.down_proj

    def weight(self, layer):
        """W [d, d_k]."""
        module = self.key(self.blocks[layer].mlp)
        return module.weight.T if type(module).__name__ == "Conv1D" else module.weight


def first(out):
    return out[0] if isinstance(out, tuple) else out


def activations(parts, model, ids):
    seen, hooks = {}, []

    def keep(name):
        return lambda _m, _i, out: seen.__setitem__(name, first(out)[0].detach())

    hooks.append(parts.embed.register_forward_hook(keep("embed")))
    for n, block in enumerate(parts.blocks):
        hooks.append(getattr(block, parts.attn).register_forward_hook(keep(f"attn_out.{n}")))
        hooks.append(block.mlp.register_forward_hook(keep(f"mlp_out.{n}")))
        hooks.append(block.register_forward_hook(keep(f"resid_post.{n}")))
        hooks.append(parts.key(block.mlp).register_forward_pre_hook(
            lambda _m, i, n=n: seen.__setitem__(f"mlp_key.{n}", i[0][0].detach())))
    seen["logits"] = model(torch.tensor([ids])).logits[0].detach()
    for hook in hooks:
        hook.remove()
    return seen


def second_moment(parts, model, sequences):
    total, tokens = 0, 0
    for ids in sequences:
        got = []
        hook = parts.key(parts.blocks[LAYER].mlp).register_forward_pre_hook(lambda _m, i: got.append(i[0][0]))
        model(torch.tensor([ids]))
        hook.remove()
        total, tokens = total + got[0].T @ got[0], tokens + len(ids)
    return total / tokens, tokens


def rome(parts, model, tok, c):
    """ALGORITHMS: ROME (Meng et al. 2022, section 3.1), and one key everywhere (r-ROME)."""
    request = PROMPT.replace(SUBJECT, "{}", 1)
    target = tok(TARGET)["input_ids"]
    filled = [t.format(request) for t in TEMPLATES]

    def row(text):
        text = text.replace("{}", SUBJECT, 1)
        coded = tok(text, return_offsets_mapping=True)
        end = text.index(SUBJECT) + len(SUBJECT)
        last = max(i for i, (a, b) in enumerate(coded["offset_mapping"]) if a < end)
        return coded["input_ids"], last

    rows = [row(t) for t in filled] + [row("{} is a")]
    ids = [r + target[:-1] for r, _ in rows[:-1]] + [rows[-1][0]]
    width = max(map(len, ids))
    batch = torch.tensor([r + [0] * (width - len(r)) for r in ids])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in ids])
    lasts = [last for _, last in rows]
    mlp = parts.blocks[LAYER].mlp
    seen = {}

    def run(delta=None):
        def change(_m, _i, out):
            seen["value"] = out.detach()
            if delta is None:
                return out
            add = torch.zeros_like(out)
            for n, last in enumerate(lasts):
                add[n, last] = 1
            return out + add * delta

        hooks = [mlp.register_forward_hook(change),
                 parts.key(mlp).register_forward_pre_hook(lambda _m, i: seen.__setitem__("key", i[0].detach()))]
        logits = model(batch, attention_mask=mask).logits
        for hook in hooks:
            hook.remove()
        return torch.log_softmax(logits, -1)

    with torch.no_grad():
        clean = run()
    keys = torch.stack([seen["key"][n, last] for n, last in enumerate(lasts[:-1])])
    values = torch.stack([seen["value"][n, last] for n, last in enumerate(lasts[:-1])])
    t0, essence = values[0], clean[-1, lasts[-1]]
    delta = torch.zeros_like(t0, requires_grad=True)
    adam, losses = torch.optim.Adam([delta], lr=HYPER["lr"]), []
    for step in range(HYPER["steps"]):
        log_p = run(delta)
        nll = 0
        for n, (r, _) in enumerate(rows[:-1]):
            nll = nll - sum(log_p[n, len(r) - 1 + j, t] for j, t in enumerate(target)) / len(target)
        nll = nll / len(TEMPLATES)
        new = log_p[-1, lasts[-1]]
        kl = HYPER["kl_f"] * (new.exp() * (new - essence)).sum()
        wd = HYPER["wd"] * delta.norm() / t0.norm() ** 2
        total = nll + kl + wd
        losses.append([float(nll), float(kl), float(wd), float(total)])
        if total < 0.05 or step + 1 == HYPER["steps"]:
            break
        adam.zero_grad()
        # The norm has no gradient at 0, and torch calls it 0.
        total.backward()
        adam.step()
        with torch.no_grad():
            limit = HYPER["clamp"] * t0.norm()
            if delta.norm() > limit:
                delta *= limit / delta.norm()
    delta = delta.detach()
    ridge = 1e-2 * c.diagonal().mean()
    u = torch.linalg.solve(c + ridge * torch.eye(len(c), dtype=c.dtype), keys.mean(0))
    u = u / u.norm()
    w, r0 = parts.weight(LAYER), rows[0][0]

    def log_p_target():
        with torch.no_grad():
            logits = model(torch.tensor([r0 + target[:-1]])).logits[0]
        log_p = torch.log_softmax(logits, -1)
        return sum(float(log_p[len(r0) - 1 + j, t]) for j, t in enumerate(target)) / len(target)

    out = {"layer": LAYER, "ridge": float(ridge), "templates": TEMPLATES, "hparams": HYPER, "target_ids": target,
           "losses_nll_kl_wd_total": losses, "delta_norm": float(delta.norm()), "t0_norm": float(t0.norm()),
           "p_target_before": float(torch.tensor(log_p_target()).exp())}
    tensors = {"delta": delta, "covariance": c}
    for name, k, o in [("rome", keys[0], values[0]), ("r-rome", keys.mean(0), values.mean(0))]:
        factor = k @ u
        r = (t0 + delta - o) / factor
        norm = float(r.norm() * u.norm())
        before = w.detach().clone()
        with torch.no_grad():
            w += torch.outer(r, u)
        after = log_p_target()
        out[name] = {"division_factor": float(factor), "update_norm": norm,
                     "relative_update_norm": norm / float(before.norm()),
                     "p_target_after": float(torch.tensor(after, dtype=torch.float64).exp()),
                     "log_p_target_after": after}
        with torch.no_grad():
            w.copy_(before)
        tensors[f"{name}.u"], tensors[f"{name}.v"] = u, r
    return out, tensors


def make(name, folder):
    family, config = SHAPES[name]
    config._attn_implementation = "eager"
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config, torch_dtype=torch.float32).eval()
    with torch.no_grad():
        for p in model.parameters():
            # Biases and norms too: nothing that is wrong should hide behind a 0 or a 1.
            if p.dim() == 1:
                p.add_(0.02 * torch.randn_like(p))
    os.makedirs(folder, exist_ok=True)
    model.save_pretrained(folder)
    shutil.copy(os.path.join(HERE, "goldens", family, "tokenizer.json"), folder)
    tok = PreTrainedTokenizerFast(tokenizer_file=os.path.join(folder, "tokenizer.json"))
    model = model.double()
    model.requires_grad_(False)
    parts = Parts(family, model)
    coded = tok(PROMPT, return_offsets_mapping=True)
    ids, begin = coded["input_ids"], PROMPT.index(SUBJECT)
    covered = [i for i, (a, b) in enumerate(coded["offset_mapping"]) if a < begin + len(SUBJECT) and begin < b]
    seen = activations(parts, model, ids)
    greedy = list(ids)
    for _ in range(16):
        greedy.append(int(model(torch.tensor([greedy])).logits[0, -1].argmax()))
    generator = torch.Generator().manual_seed(3)
    sequences = [torch.randint(1, 500, (64,), generator=generator).tolist() for _ in range(16)]
    c, tokens = second_moment(parts, model, sequences)
    out, tensors = rome(parts, model, tok, c)
    golden = {"prompt": PROMPT, "subject": SUBJECT, "target_new": TARGET, "input_ids": ids,
              "subject_range": [covered[0], covered[-1] + 1], "greedy_16": greedy,
              "covariance": {"layer": LAYER, "sequences": sequences, "tokens": tokens,
                             "trace": float(c.trace()), "frobenius": float(c.norm())},
              "rome": out}
    save_file({k: v.contiguous() for k, v in seen.items()}, os.path.join(folder, "activations.safetensors"))
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, os.path.join(folder, "edits.safetensors"))
    with open(os.path.join(folder, "golden.json"), "w") as file:
        json.dump(golden, file)
    print(name, f"{sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters", flush=True)


if __name__ == "__main__":
    for shape in sys.argv[2:] or SHAPES:
        make(shape, os.path.join(sys.argv[1], shape))
