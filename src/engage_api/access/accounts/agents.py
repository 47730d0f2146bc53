"""What a browser says it is, in the few words by which a person knows it again. The rest is not kept."""

import re

LONGEST = 40  # characters of a program that is none of these
LOOKED_AT = 512  # characters: browsers send fewer than 300, a header may hold 64 KiB
_PROGRAMS = (  # in this order: most say that they are others, too; nothing is tried twice (`*+`), so all are linear
    ("Edge", r"Edg(?:e|A|iOS)?/(\d{1,4})"),
    ("Opera", r"OPR/(\d{1,4})"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d{1,4})"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d{1,4})"),
    ("Safari", r"Version/(\d{1,4})[\d.]*+ (?:Mobile/\S++ )?Safari/"),
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
    agent = agent[:LOOKED_AT]
    system = next((name for name, pattern in _SYSTEMS if re.search(pattern, agent)), "")
    for name, pattern in _PROGRAMS:
        if found := re.search(pattern, agent):
            return f"{name} {found[1]}{f' on {system}' if system else ''}"
    word = _PRODUCT.match(agent)
    return word[0][:LONGEST] if word else ""
