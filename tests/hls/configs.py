# SPDX-License-Identifier: BSD-2-Clause
"""Three configs of every kernel."""

CONFIGS = {
    "requantise": [
        {"lanes": 2},
        {
            "contract": "gemmlowp", "multiplier_bits": 32, "multiplier_signed": True, "shift_min": 0, "shift_bits": 5,
            "zero_point": 3, "relu": True,
        },
        {
            "lanes": 3, "scope": "channel", "contract": "half_up", "acc_bits": 20, "shift_min": 0, "shift_bits": 3,
            "shift_step": 4, "out_signed": False, "zero_point": 7,
        },
    ],
    "activation": [
        {"lanes": 2},
        {"method": "edge_moe", "in_bits": 32, "out_bits": 32, "in_fraction": 22, "out_fraction": 22},
        {"function": "gelu_tanh", "method": "polynomial", "in_bits": 12, "in_fraction": 8, "out_bits": 12,
         "out_fraction": 8},
    ],
    "softmax": [
        {"row_max": 8},
        {"row_max": 6, "lanes": 2, "algorithm": "online", "score_bits": 10, "out_bits": 12},
        {"row_max": 5, "lanes": 1, "score_bits": 12, "scale_fraction": 6, "out_bits": 12},
    ],
    "kv_attention": [
        {"heads": 2, "kv_heads": 1, "head_dim": 4, "layers": 1, "context": 4, "lanes": 2, "parallel": 2},
        {"heads": 2, "kv_heads": 2, "head_dim": 2, "layers": 1, "context": 3, "lanes": 2, "parallel": 1,
         "score_bits": 8},
        {"heads": 1, "kv_heads": 1, "head_dim": 2, "layers": 1, "context": 5, "lanes": 1, "parallel": 1,
         "act_bits": 6, "probability_bits": 8, "out_bits": 8},
        {"heads": 2, "kv_heads": 1, "head_dim": 4, "layers": 1, "context": 5, "lanes": 2, "parallel": 1, "tokens": 2},
    ],
    "norm": [
        {"elements": 8, "lanes": 2},
        {"elements": 6, "lanes": 3, "kind": "layer", "in_bits": 10},
        {"elements": 5, "lanes": 5, "in_bits": 12, "out_bits": 10, "guard_bits": 2},
        {"elements": 7, "lanes": 2, "weight_bits": 12, "weight_fraction": 8, "epsilon": 5, "out_bits": 6},
    ],
    "rope": [
        {"head_dim": 8, "context": 16},
        {"head_dim": 4, "context": 9, "in_bits": 8, "shift": 2, "base": 500.0},
        {"head_dim": 2, "lanes": 2, "context": 32, "out_bits": 16},
    ],
    "gated": [
        {"lanes": 2},
        {"function": "relu2", "method": "table"},
        {"function": "sigmoid", "method": "polynomial", "in_bits": 10, "in_fraction": 6, "rounding": "half_up"},
    ],
    "ternary_matvec": [
        {"inputs_max": 24, "outputs_max": 8, "groups": 4},
        {"method": "select", "inputs_max": 12, "outputs_max": 4, "groups": 2, "lanes": 2},
        {"method": "full", "inputs_max": 12, "outputs_max": 6, "groups": 2, "lanes": 3, "outputs_per_cycle": 3},
        {"method": "bitplane", "group": 4, "groups": 2, "inputs_max": 16, "outputs_max": 4},
    ],
    "cube": [{"rows": 2, "cols": 3, "depth": 2, "k_max": 6, "act_signed": False}],
    "broadcast": [{"rows": 2, "cols": 2, "k_max": 8}],
    "adder_tree": [{"cols": 2, "depth": 4, "k_max": 8}],
    "moe_gate": [
        {},
        {"k": 1, "over": "chosen"},
        {"k": 3, "over": "chosen", "score_bits": 10, "shifts": [8], "algorithm": "online"},
    ],
    "argmax": [
        {"elements": 8, "lanes": 4},
        {"elements": 5, "lanes": 1, "in_bits": 8},
        {"elements": 6, "lanes": 3, "in_bits": 48},
    ],
}  # fmt: skip
CASES = [(room, index) for room, configs in CONFIGS.items() for index in range(len(configs))]
