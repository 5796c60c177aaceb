"""Tasks with much to say."""


def loud(lines: int) -> int:
    """Prints so many lines of 1,000 characters."""
    for number in range(lines):
        print(f"{number:06d} {'x' * 993}")
    return lines
