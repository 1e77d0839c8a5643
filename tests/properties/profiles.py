"""How many worlds a property sees: few and always the same ones by default, more and new ones on request.

`OVERSIGHT_PROPERTIES=50 python -m pytest tests/properties` tries fifty times as many: an hour on a core.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

TIMES = int(os.environ.get("OVERSIGHT_PROPERTIES", "1"))


def examples(number: int) -> settings:
    """Give the settings of a property that by default tries so many examples."""
    return settings(
        max_examples=number * TIMES,
        derandomize=TIMES == 1,
        database=None,
        deadline=None,
        print_blob=TIMES > 1,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
