# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

from benchmarks.accuracy.secrets import Score, held_out, personal_samples, score, secret_samples, spans_of

# Reached on the half that no rule was tuned on, less one or two cases: (precision, recall).
SECRETS = {"all": (0.95, 0.80), "password": (0.95, 0.85), "service": (0.98, 0.80), "json-web-token": (1.0, 1.0)}
PERSONAL = {"all": (1.0, 0.65), "email": (1.0, 1.0), "ip-address": (1.0, 1.0), "phone": (1.0, 0.40)}


@pytest.mark.parametrize(("samples", "rules", "floors"), [
    (secret_samples, "secrets", SECRETS),
    (personal_samples, "personal_data", PERSONAL),
])  # fmt: skip
def test_precision_and_recall_on_samples_that_rules_were_not_tuned_on(shared_data, samples, rules, floors):
    scores = score(held_out(samples(shared_data / "secrets")), spans_of(rules))
    for kind, (precision, recall) in floors.items():
        one = scores.get(kind, Score())
        assert one.precision >= precision, (kind, one)
        assert one.recall >= recall, (kind, one)
