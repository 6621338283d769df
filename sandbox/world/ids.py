"""Ids in the format of Stripe ids (FACTS_A 103-105): random-looking, and the same in every run of a world."""

from __future__ import annotations

import hashlib
import string

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
CAPITALS = string.digits + string.ascii_uppercase
SHORT = ("cus", "prod", "si", "req")  # 14 characters after the prefix; the others have 24
ACCOUNT = "SBoxAcct0k"  # the part that all long ids of one account share


def object_id(prefix: str, sequence: int, now: int) -> str:
    """Return the id of object number ``sequence``, created at Unix second ``now``, such as ``cus_q7Tn3kLw0XbR5e``."""
    time = in_base(now // 60, LETTERS)
    if prefix in SHORT:
        return f"{prefix}_{time[-4:]}{scrambled(f'{prefix}{sequence}', 10)}"
    return f"{prefix}_1{time[-5:]:0>5}{ACCOUNT}{scrambled(f'{prefix}{sequence}', 8)}"


def coupon_id(sequence: int) -> str:
    """Return the id of a coupon that was given none: 8 letters and digits (FACTS_A 90)."""
    return scrambled(f"coupon{sequence}", 8)


def invoice_prefix(sequence: int) -> str:
    """Return the prefix of a customer's invoice numbers: 8 capitals and digits (FACTS_A 105, FACTS_B 94)."""
    return scrambled(f"prefix{sequence}", 8, CAPITALS)


def idempotency_key(request_id: str) -> str:
    """Return the key in the form of a UUID that a write without a key is given (FACTS_A 102)."""
    text = hashlib.sha256(request_id.encode()).hexdigest()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))


def scrambled(seed: str, length: int, alphabet: str = LETTERS) -> str:
    """``length`` characters of an alphabet that follow from the seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    return in_base(number, alphabet)[-length:]


def in_base(number: int, alphabet: str) -> str:
    """Write a number that is not negative with the characters of an alphabet as digits."""
    if number < 0:
        raise ValueError(f"{number} is negative; ids are made of numbers from 0 on")
    text = ""
    while number:
        number, digit = divmod(number, len(alphabet))
        text = alphabet[digit] + text
    return text
