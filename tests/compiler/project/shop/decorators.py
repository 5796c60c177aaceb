from collections.abc import Callable


def strange(function: Callable[[int], int]) -> Callable[[], int]:
    return lambda: function(1)
