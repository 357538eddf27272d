# SPDX-License-Identifier: GPL-2.0
"""The results as a table."""
import textwrap

from cases import LINEAR

NAME = 26


def short(number):
    """Three digits that count, and a unit."""
    for unit in "", "K", "M":
        if number < 999.5:
            break
        number /= 1000
    else:
        unit = "G"
    digits = 0 if number >= 99.95 or not unit else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f}{unit}"


def head(facts):
    text = f"""\
        Instructions on Linux {facts['kernel']}, user's and kernel's together; the
        clock that counts them shows {facts['clock']:.4f} for each. The least of some
        runs; "runs": by how much the median is above it. "ratio": to the peer, the
        line with 1.00. "growth": what an item more costs at the end of the scale,
        divided by what it costs at the beginning; above {LINEAR} it is not linear."""
    print(textwrap.dedent(text), flush=True)


def cell_text(cell):
    return (f"{short(cell['instructions']):>8}{cell['each']:>8,.0f}"
            f"{cell['ratio']:>6.2f}")


def show(result):
    item = result["item"]
    print(f"\n{result['title']}")
    if item == "thread":
        print("  in " + ", ".join(f"{v:,}" for v in result["vmas"]) + " VMAs")
    sizes = [cell["items"] for cell in result["contenders"][0]["cells"]]
    print(" " * NAME + "".join(f"{f'{s:,} {item}s':>22}" for s in sizes))
    print(" " * NAME + f"{'total':>8}{'each':>8}{'ratio':>6}" * len(sizes)
          + f"{'growth':>8}{'runs':>7}")
    for row in result["contenders"]:
        grown = "" if row["growth"] is None else f"{row['growth']:.2f}"
        spread = max(cell["spread"] for cell in row["cells"])
        print(f"{row['name']:<{NAME}}" + "".join(map(cell_text, row["cells"])) +
              f"{grown:>8}{spread:>7.1%}" + ("" if row["linear"] else "  NOT LINEAR"),
              flush=True)
