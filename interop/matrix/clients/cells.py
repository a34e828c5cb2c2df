"""What a client is asked to do, and how it tells what came of it: a line of JSON for each cell of the matrix."""

import asyncio
import json

TEXT = "text, κόσμε, 世界, 🦀"
LONG_TEXT = "all work and no play makes a dull test. " * 500
MEGABYTE = 1 << 20


class WorksInPart(Exception):
    """Why not all of a cell could be done."""


def octets(length):
    """Bytes of which no two neighbours are equal."""
    return bytes((place * 31 + (place >> 8)) & 255 for place in range(length))


def report(**line):
    print(json.dumps(line), flush=True)


async def run(cells):
    """Runs one cell after the other."""
    for cell, check in cells.items():
        try:
            await asyncio.wait_for(check(), 30)
            report(cell=cell, ok=True)
        except WorksInPart as why:
            report(cell=cell, ok=True, why=str(why))
        except Exception as error:  # whatever it is, the cell has failed
            report(cell=cell, ok=False, why=f"{type(error).__name__}: {error}"[:200])


def expect(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found!r:.80}, wanted {wanted!r:.80}")
