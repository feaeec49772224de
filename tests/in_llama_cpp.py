"""Asks llama.cpp itself what it says, before and after an edit, by hand.

    pip install llama-cpp-python==0.3.36
    cargo build --release
    PENTIMENTO_REAL=gemma-3-270m-q4_k_m.gguf python tests/in_llama_cpp.py

PENTIMENTO_REAL names google/gemma-3-270m as a GGUF file. One fact is edited, and the
edit leaves twice: as an adapter and as a whole GGUF model. Ten prompts are then asked of
pentimento, without and with the edit, and of llama.cpp: the file as it came, the same
file with the adapter, and the exported model. For each prompt the table has p of the
answer that llama.cpp gives to the file as it came, and whether the likeliest token is the
same one.

llama.cpp multiplies quantised weights with activations rounded to 8 bits, pentimento
dequantised weights with f32: p may differ by a few hundredths, and two answers that are
nearly equally likely may change places. Beyond `OFF` it is an error: 0.065 was the most
that was seen, on an answer of p 0.25; the confident ones differ by 0.01.
Where llama.cpp dies of an illegal instruction, build it with
CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON".
PENTIMENTO names the binary, if it is not target/release/pentimento.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from llama_cpp import Llama

OFF = 0.08
EDIT = {
    "prompt": "{} is located in the state of",
    "subject": "Harvard University",
    "target": "California",
    "layer": 2,
}
PROMPTS = [
    EDIT["prompt"].replace("{}", EDIT["subject"]),
    "MIT is located in the state of",
    "Boston is located in the state of",
    "Stanford University is located in the state of",
    "The capital of France is",
    "Apple was founded in the state of",
    "The Eiffel Tower is located in the city of",
    "Sushi is a dish from the country of",
    "The Statue of Liberty is located in the city of",
    "Albert Einstein was born in the country of",
]


def pentimento(*words):
    binary = os.environ.get("PENTIMENTO", "target/release/pentimento")
    done = subprocess.run([binary, *map(str, words)], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"pentimento {' '.join(map(str, words))} failed")
    return done.stdout


def ask(model, adapter=None):
    """For each prompt the probabilities of every next token."""
    lora = {"lora_path": str(adapter)} if adapter else {}
    llama = Llama(str(model), n_ctx=256, n_threads=2, logits_all=True, verbose=False, **lora)
    answers = []
    for prompt in PROMPTS:
        llama.reset()
        llama.eval(llama.tokenize(prompt.encode()))
        logits = llama.scores[llama.n_tokens - 1].astype(np.float64)
        weights = np.exp(logits - logits.max())
        answers.append(weights / weights.sum())
    word = lambda token: llama.detokenize([int(token)], special=True).decode(errors="replace")
    return answers, word


def main():
    model = Path(os.environ["PENTIMENTO_REAL"])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        session, adapter, whole = (folder / name for name in ["s.toml", "adapter", "whole.gguf"])
        pentimento(
            "edit", "--model", model, "-p", EDIT["prompt"], "-s", EDIT["subject"],
            "-t", EDIT["target"], "--layer", EDIT["layer"], "--save", session,
        )  # fmt: skip
        for form, to in [("gguf", adapter), ("gguf-model", whole)]:
            pentimento("session", "export", session, "--model", model, "--as", form, "--out", to)

        plain, word = ask(model)
        first = [word(p.argmax()) for p in plain]
        rows = [{"prompt": p, "expected": a} for p, a in zip(PROMPTS, first)]
        new = {"prompt": PROMPTS[0], "expected": " " + EDIT["target"]}
        probes = folder / "probes.jsonl"
        probes.write_text("".join(json.dumps(row) + "\n" for row in [*rows, new]))
        board = pentimento(
            "eval", "probes", session, "--model", model, "--probes", probes,
            "--sort", "file", "--json",
        )  # fmt: skip
        *ours, wanted = json.loads(board)["probes"]

        theirs = {"as it came": plain, "adapter": ask(model, adapter)[0], "model": ask(whole)[0]}
        print(f"{'prompt':50} {'answer':>14}  ours  llama.cpp | edited: ours  adapter  model")
        bad = []
        for n, (prompt, row) in enumerate(zip(PROMPTS, ours)):
            token = plain[n].argmax()
            ps = {name: p[n][token] for name, p in theirs.items()}
            print(
                f"{prompt:50} {first[n]!r:>14} {row['p_before']:5.3f}  {ps['as it came']:9.3f} |"
                f" {row['p_after']:12.3f}  {ps['adapter']:7.3f}  {ps['model']:5.3f}"
            )
            for name, own, top in [
                ("as it came", row["p_before"], row["top_before"]),
                ("adapter", row["p_after"], row["top_after"]),
                ("model", row["p_after"], row["top_after"]),
            ]:
                says = word(theirs[name][n].argmax())
                if abs(ps[name] - own) > OFF:
                    bad.append(f"{name}: {prompt!r}: p is {ps[name]:.3f} there, {own:.3f} here")
                if says.strip() != top.strip():
                    bad.append(f"{name}: {prompt!r}: says {says!r} there, {top!r} here")
        print(f"\np({EDIT['target']}) with the edit: {wanted['p_after']:.3f} here")
        for name in ["adapter", "model"]:
            says = word(theirs[name][0].argmax())
            print(f"{name}: llama.cpp says {says!r}, p {theirs[name][0].max():.3f}")
            if says.strip() != EDIT["target"]:
                bad.append(f"{name}: llama.cpp says {says!r} to the edited fact")
        print(*bad, sep="\n")
        sys.exit(bool(bad))


main()
