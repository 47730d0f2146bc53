"""What a browser says it is, in the few words by which a person knows it again. The rest is not kept."""

import re

LONGEST = 40  # characters of a program that is none of these
_PROGRAMS = (  # in this order: most say that they are others, too
    ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)
_PRODUCT = re.compile(r"[A-Za-z0-9._/-]+")


def named(agent: str) -> str:
    """`Firefox 140 on Linux`; of other programs the first word; empty when it says nothing."""
    system = next((name for name, pattern in _SYSTEMS if re.search(pattern, agent)), "")
    for name, pattern in _PROGRAMS:
        if found := re.search(pattern, agent):
            return f"{name} {found[1][:4]}{f' on {system}' if system else ''}"
    word = _PRODUCT.match(agent)
    return word[0][:LONGEST] if word else ""
