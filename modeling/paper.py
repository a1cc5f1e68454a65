"""What the paper printed, as it printed it: the reference row beside every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The paper's Tables 1 (proportions) and 2, text and flow, exactly as printed.
PAPER: Mapping[str, Any] = {
    "title": "ResNet-101, test set of 67",
    "source": "Lebouille-Veldman et al., Brain and Spine 2025;5:104328, Table 2 and Figure 3",
    "decimals": 2,
    "tp": 9,
    "tn": 48,
    "fp": 7,
    "fn": 4,
    "n": 67,
    "positive": 12,
    "negative": 55,
    "correct": 57,
    "sensitivity": 0.75,
    "specificity": 0.87,
    "accuracy": 0.84,
    "f1": 0.75,
    "ppv": 0.56,
    "npv": 0.92,
    "auc": 0.82,
    "flow": [
        {"step": "identified", "remaining": 3248},
        {"step": "imaged", "remaining": 2276},
        {"step": "interval", "remaining": 303},
        {"step": "coded", "remaining": 303},
        {"step": "baseline_t2", "left": 12},
        {
            "step": "chart_review",
            "left": 56,
            "reasons": {
                "ra_refuted": 34,
                "no_adequate_follow_up": 7,
                "junction_surgery": 1,
                "odontoid_fracture": 1,
            },
        },
        {"step": "baseline_deformity", "left": 29},
        {"step": "included", "remaining": 220},
    ],
    "proportions": [
        {"name": "training patients (partition 60:40)", "k": 153, "n": 220, "stated": "60%"},
        {"name": "women", "k": 188, "n": 220, "stated": "86%"},
        {"name": "RF positive", "k": 97, "n": 220, "stated": "44%"},
        {"name": "anti-CCP positive", "k": 64, "n": 220, "stated": "29%"},
        {"name": "infliximab used", "k": 40, "n": 220, "stated": "18%"},
        {"name": "other biological used", "k": 147, "n": 220, "stated": "67%"},
        {"name": "never used a biological", "k": 66, "n": 220, "stated": "30%"},
    ],
}
