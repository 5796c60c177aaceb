def send(who: str, number: int) -> int:
    print(who, number)
    return number
