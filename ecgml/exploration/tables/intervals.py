"""How sure a share is."""

from __future__ import annotations

import math

Z95 = 1.959964
"""97.5 % of a normal distribution lie below so many standard deviations."""


def wilson(n_hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, 10.1080/01621459.1927.10502953), 0 to 1.

    Parameters
    ----------
    n_hits, n : int
        ``n`` at least 1.
    """
    share, bonus = n_hits / n, Z95**2 / n
    middle = (share + bonus / 2) / (1 + bonus)
    reach = Z95 / (1 + bonus) * math.sqrt(share * (1 - share) / n + bonus / (4 * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)
