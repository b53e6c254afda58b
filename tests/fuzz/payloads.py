"""Endless payloads, nearly right: what each family says, with odd values, then damaged.

A grammar gives the documents of a family; their numbers and words come from a corpus of what
devices, scripts and people have been seen to send; mutations break the bytes. Everything
follows from the seed: the same seed gives the same payloads.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

NUMBERS = (
    *("0", "-0", "-0.0", "1e-324", "1e308", "-1e308", "1e999", "-1e999", "NaN", "nan", "inf"),
    *("-inf", "Infinity", "-Infinity", "0x10", "0b1", "0o7", "1_000", "1,5", '"1,234"', " 12 "),
    *("+5", ".5", "5.", "007", "1e", "--1", "1.2.3", "true", "false", "null", '""', '"12.5"'),
    *(
        '" 7 "',
        '"nan"',
        '"unavailable"',
        '"١٢"',
        "١٢",
        "\uff11\uff12",
        "²",
        "\u22125",
        '"\\ud800"',
        "[]",
        "{}",
    ),
    *("[310,22,1490]", '["1",2]', "[1,null]", "[1,true]", "[[1]]", "[1e308,1e308]", "[NaN,1]"),
    *('{"power":1}', '{"Power":[1]}', "65535", "-8388608", "1e6", "9" * 30, "9" * 400, "9" * 4301),
    *("0." + "0" * 400 + "1", "1" + "0" * 308, "1e-400", "1E+3", "1e+0005", "12 W", "3 A"),
)
WORDS = (
    *('"ON"', '"OFF"', '"on"', '"off"', '"ON "', '" oFf\\n"', '"TOGGLE"', '"HOLD"', '"BLINK"'),
    *('""', '"maybe"', '"1"', '"0"', '"2"', "1", "0", "2", "-1", "1.0", "true", "false", "null"),
    *(
        '"true"',
        '"FALSE"',
        '"\uff2f\uff2e"',
        '"o\\u006e"',
        '"O\\ud800N"',
        '"ON\\u0000"',
        '"\u043en"',
        "[]",
    ),
    *('["ON"]', "{}", '{"state":"ON"}', '"online"', '"offline"', '"Online"', '"OPEN"', '"heat"'),
    *('"idle"', '"cool"', '"unavailable"', '"unknown"', '"ß"', '"ON' + " " * 500 + '"'),
)
# Documents by family and kind; <n> is a number, <w> a word for on or off, <s> one for online,
# <h> one for heat, <p> a setting of PulseTime, <j> any JSON, <t> a text.
GRAMMARS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("tasmota", "state"): (
        '{"POWER":<w>}',
        '{"POWER1":<w>}',
        '{"POWER2":<w>,"POWER1":<w>}',
        '{"Time":"2026-01-05T18:22:01","POWER1":<w>,"POWER2":<w>,"Wifi":{"AP":1,"RSSI":<n>}}',
        '{"StatusSTS":{"Time":"2026-01-05T18:22:01","POWER":<w>,"POWER2":<w>}}',
        '{"StatusSTS":<j>,"POWER":<w>}',
        '{"Command":"Unknown"}',
        '{"StatusPWR":, "POWER1":"ON", "POWER2":"OFF"}',
        '{"PulseTime2":<p>}',
        "<t>",
    ),
    ("tasmota", "online"): ("<t>", "Online", "Offline", "<s>"),
    ("tasmota", "meter"): (
        '{"Time":"2026-01-05T18:22:01","ENERGY":{"Total":120.4,"Power":<n>,"Current":<n>}}',
        '{"ENERGY":{"Power":[<n>,<n>,<n>],"Current":[<n>,<n>,<n>]}}',
        '{"ENERGY":<j>}',
        '{"TIC":{"ADCO":"021","PAPP":<n>,"IINST":<n>}}',
        '{"TIC":{"ADPS":1}}',
        '{"ZbReceived":{"0x4773":{"Power":true}}}',
        "<n>",
    ),
    ("tasmota", "setup"): (
        '{"PulseTime2":{"Set":<p>,"Remaining":<n>}}',
        '{"PulseTime":{"Set":[<p>,<p>,<p>],"Remaining":[0,0,0]}}',
        '{"PulseTime2":"<d> (Active <d>)"}',
        '{"PulseTime2":<j>}',
        '{"POWER2":<w>}',
    ),
    ("zigbee2mqtt", "state"): (
        '{"state":<w>,"power":<n>,"linkquality":60}',
        '{"state_l1":<w>,"state_l2":<w>,"state_l3":<w>,"state_l4":<w>,"linkquality":<n>}',
        '{"power":<n>,"current":<n>,"state":<j>}',
        '{"state":{"state":<w>}}',
        '{"linkquality":88}',
        "<t>",
    ),
    ("zigbee2mqtt", "online"): ('{"state":<s>}', '{"state":<j>}', "<t>", "online", "offline"),
    ("zigbee2mqtt", "meter"): (
        '{"state":"ON","power":<n>,"current":<n>,"voltage":232,"energy":812.4,"linkquality":131}',
        '{"power_a":<n>,"power_b":<n>,"power_ab":<n>,"power":<n>}',
        '{"power":{"power":<n>}}',
        '{"power":<j>,"current":<j>}',
        "<n>",
    ),
    ("mqtt", "state"): ("<t>", "<w>", '{"a":[{"b":<w>}]}', '{"a":[<j>,<j>]}', '{"a":<j>}'),
    ("mqtt", "meter"): (
        *("<n>", "<n>", "<d>", "<d>.<d>", '{"a":[{"b":<n>}]}', '{"a":[{"b":[<n>,<n>,<n>]}]}'),
        *(
            '{"a":[<j>]}',
            '{"grid":{"power":<n>}}',
            "/Ene5\\T210-D\r\n1-0:1.7.0(00.866*kW)\r\n!43A6",
        ),
    ),
    ("mqtt", "request"): (
        *("<t>", "<h>", "<n>", "<d>", '{"a":{"b":<h>}}', '{"a":<n>}', '{"a":<h>}', '{"b":<h>}'),
        *('{"a":<j>}', '{"a":{"b":<n>},"running_state":<h>}'),
    ),
    # What people and Home Assistant send to the balancer itself, and what it reads back.
    ("balancer", "switch"): ("ON", "OFF", "on", "<t>", "<w>"),
    ("balancer", "boost"): ("ON", "OFF", "<d>", "<n>", "<t>"),
    ("balancer", "mode"): ("auto", "<d>", "0", "1", "2", "<n>", "<t>"),
    ("balancer", "limit"): ("<d>", "<d>.<d>", "<n>", "1e9", "<t>"),
    ("balancer", "heartbeat"): ("<t> <d> active", "<t> <d> standby", "<t> <n> <t>", "<t>"),
    ("balancer", "status"): (
        '{"version":<n>,"sequence":<n>,"away":<w>,"rotation":{"pointer":<j>,"next":<j>}}',
        '{"version":1,"circuits":{"main":{"limit":<n>,"mode":<n>,"mode_source":<w>}}}',
        '{"version":1,"zones":{"lounge":{"request":<w>}},"loads":{"lounge":{"on":<w>}}}',
        '{"version":1,"loads":{"lounge":{"boost":<w>,"boost_until":<j>,"learned":<n>}}}',
        '{"version":1,"loads":{"lounge":{"share":<n>,"switched":<j>,"switches":<n>}}}',
        '{"version":1,"loads":<j>,"circuits":<j>,"zones":<j>}',
        "<j>",
    ),
}

_USUAL = {
    "w": ('"ON"', '"OFF"', '"on"', '"off"', "true", "false"),
    "s": ('"online"', '"offline"', '"Online"', '"Offline"'),
    "h": ('"heat"', '"idle"', '"ON"', '"OFF"', "heat", "idle"),
    "p": ("160", "0", "280", "1000"),
    "t": ("ON", "OFF", "online", "offline", "1", "0", "heat", "idle", "unavailable"),
}
_OTHER_TEXTS = (
    *("", " ", "on ", "\tOFF\r\n", "TOGGLE", "maybe", "null", "true", "nan", "undefined", "ON\0"),
    *(
        "\u00a0ON",
        "\uff2f\uff2e",
        "😀",
        "-",
        ".",
        "+",
        "ON,OFF",
        "ON\nOFF",
        "'ON'",
        '"ON"',
        "\\x4f\\x4e",
    ),
)
_HUGE = b"x" * 5_000_000  # F12
_EDGE = 65_536  # greatest payload that is read
_SPLIT = re.compile("<([nwshpjtd])>")
_PARTS = {
    key: tuple(tuple(_SPLIT.split(text)) for text in texts) for key, texts in GRAMMARS.items()
}
KINDS = tuple(GRAMMARS)


def payloads(
    seed: int, kinds: Sequence[tuple[str, str]] = KINDS
) -> Iterator[tuple[str, str, bytes]]:
    """Yield family, kind and payload for ever.

    Two in five are whole; of one in five hundred every truncation follows, byte by byte.

    Args:
        seed: Everything follows from it.
        kinds: Family and kind of the payloads wanted; not empty.
    """
    random = Random(seed)
    while True:
        family, kind = random.choice(kinds)
        whole = _document(random, family, kind).encode("utf-8", "surrogatepass")
        draw = random.random()
        if draw < 0.4:
            yield family, kind, whole
        elif draw < 0.402:
            for length in range(len(whole)):
                yield family, kind, whole[:length]
        else:
            damaged = whole
            for _ in range(random.choice((1, 1, 1, 2, 3))):
                damaged = random.choice(MUTATIONS)(random, damaged)
            yield family, kind, damaged


def _document(random: Random, family: str, kind: str) -> str:
    parts = random.choice(_PARTS[family, kind])
    if len(parts) == 1:
        return parts[0]
    return "".join(_hole(random, part) if number % 2 else part for number, part in enumerate(parts))


def _hole(random: Random, hole: str) -> str:
    if hole == "d":
        return str(random.randrange(10 ** random.randrange(1, 6)))
    if hole == "j":
        return _json(random, 3)
    usual = random.random() < 0.75
    if hole == "n":
        return f"{random.uniform(-5e3, 9e3):.2f}" if usual else random.choice(NUMBERS)
    if usual:
        return random.choice(_USUAL[hole])
    if hole == "t":
        return random.choice(_OTHER_TEXTS)
    return random.choice(NUMBERS if hole == "p" else WORDS)


def _json(random: Random, depth: int) -> str:
    draw = random.random()
    if depth == 0 or draw < 0.6:
        return random.choice(random.choice((NUMBERS, WORDS)))
    inner = [_json(random, depth - 1) for _ in range(random.randrange(4))]
    if draw < 0.8:
        return f"[{','.join(inner)}]"
    keys = ("state", "power", "POWER", "b", "a", "Set", "", "x.y", "[0]", "\\ud83d", "main")
    return "{" + ",".join(f'"{random.choice(keys)}":{each}' for each in inner) + "}"


Mutation = Callable[[Random, bytes], bytes]


def truncate(random: Random, whole: bytes) -> bytes:
    return whole[: random.randrange(len(whole) + 1)]


def lose_the_start(random: Random, whole: bytes) -> bytes:
    return whole[random.randrange(len(whole) + 1) :]


def flip_a_bit(random: Random, whole: bytes) -> bytes:
    if not whole:
        return b"\x80"
    damaged = bytearray(whole)
    damaged[random.randrange(len(whole))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def put_bytes_in(random: Random, whole: bytes) -> bytes:
    at = random.randrange(len(whole) + 1)
    return whole[:at] + random.randbytes(random.randrange(1, 4)) + whole[at:]


def put_a_sign_in(random: Random, whole: bytes) -> bytes:
    at = random.randrange(len(whole) + 1)
    sign = random.choice(
        (b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u", b"e", b"-", b".")
    )
    return whole[:at] + sign + whole[at:]


def take_a_slice_out(random: Random, whole: bytes) -> bytes:
    a, b = random.randrange(len(whole) + 1), random.randrange(len(whole) + 1)
    return whole[: min(a, b)] + whole[max(a, b) :]


def repeat_a_slice(random: Random, whole: bytes) -> bytes:
    a, b = random.randrange(len(whole) + 1), random.randrange(len(whole) + 1)
    return whole[: max(a, b)] + whole[min(a, b) :]


def give_a_key_twice(random: Random, whole: bytes) -> bytes:
    number = random.choice(NUMBERS + WORDS).encode("utf-8", "surrogatepass")
    keys: list[bytes] = re.findall(rb'"[A-Za-z_0-9]{1,12}":', whole[:2000])
    if not keys or not whole.endswith(b"}"):
        return whole + whole
    return whole[:-1] + b"," + random.choice(keys) + number + b"}"


def nest(random: Random, whole: bytes) -> bytes:
    depth = random.choice((1, 2, 50, 500, 990, 1100, 10_000))
    before, after = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'{"power":[', b"]}")))
    return before * depth + whole + after * (depth if random.random() < 0.8 else 0)


def nest_a_value(random: Random, whole: bytes) -> bytes:
    depth = random.choice((1, 3, 300, 950, 2000, 10_000))
    colon = whole.find(b":") + 1
    return whole[:colon] + b"[" * depth + b"]" * depth + whole[colon:] if colon else whole * 2


def mark_the_byte_order(random: Random, whole: bytes) -> bytes:
    return random.choice((b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe", b"\0\0\xfe\xff")) + whole


def encode_otherwise(random: Random, whole: bytes) -> bytes:
    encoding = random.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp1252"))
    return whole.decode("utf-8", "replace").encode(encoding, "replace")


def add_no_utf8(random: Random, whole: bytes) -> bytes:
    odd = (b"\xed\xa0\x80", b"\xc0\x80", b"\xff", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\0", b"\x85")
    at = random.randrange(len(whole) + 1)
    return whole[:at] + random.choice(odd) + whole[at:]


def surround(random: Random, whole: bytes) -> bytes:
    odd = (
        b" ",
        b"\r\n",
        b"\t",
        b"x",
        b";",
        b",",
        b"}",
        b"\0",
        b"\xc2\xa0",
        b"\x0b",
        b"\xe2\x80\x8b",
    )
    return random.choice((b"", random.choice(odd))) + whole + random.choice(odd)


def change_case(random: Random, whole: bytes) -> bytes:
    return random.choice((whole.upper(), whole.lower(), whole.swapcase(), whole.title()))


def replace_a_value(random: Random, whole: bytes) -> bytes:
    value = random.choice(NUMBERS + WORDS).encode("utf-8", "surrogatepass")
    values = list(re.finditer(rb":\s*[^,{}\[\]:]+", whole[:2000]))
    if not values:
        return value
    chosen = random.choice(values)
    return whole[: chosen.start() + 1] + value + whole[chosen.end() :]


def forget_it(random: Random, whole: bytes) -> bytes:
    return random.choice(
        (b"", b" ", random.randbytes(random.randrange(1, 17)), b"\xff" * random.randrange(1, 40))
    )


def blow_it_up(random: Random, whole: bytes) -> bytes:
    """Return something large; rarely, since it costs thousands of small ones."""
    draw = random.random()
    if draw < 0.0005:
        return _HUGE if draw < 0.00025 else whole + _HUGE
    if draw < 0.05:
        size = _EDGE + random.randrange(-1, 3)
        pad = random.choice((b" ", b"0", b"9", b"[", b'"', b"\\", b"a", b"1,"))
        return (whole + pad * size)[:size] if draw < 0.03 else (pad * size + whole)[-size:]
    return whole + b"," + whole


MUTATIONS: tuple[Mutation, ...] = (
    *(truncate, truncate, lose_the_start, flip_a_bit, flip_a_bit, put_bytes_in, put_a_sign_in),
    *(put_a_sign_in, take_a_slice_out, repeat_a_slice, give_a_key_twice, give_a_key_twice, nest),
    *(nest_a_value, mark_the_byte_order, encode_otherwise, add_no_utf8, surround, change_case),
    *(replace_a_value, replace_a_value, replace_a_value, forget_it, blow_it_up),
)
