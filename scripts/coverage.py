"""Reads gcov's JSON, one document a line, and prints the table of scripts/coverage.sh."""

import collections
import json
import sys

WATCHED = ("src/store", "src/action", "src/recorder")
LEAST = 15


def ranges(lines):
    parts = []
    for line in sorted(lines):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in parts)


def main(top):
    runs = collections.defaultdict(lambda: collections.defaultdict(int))  # file -> line -> how often
    for document in filter(str.strip, sys.stdin):
        for file in json.loads(document)["files"]:
            name = file["file"].removeprefix(top + "/")
            if not name.startswith("src/"):
                continue
            for line in file["lines"]:
                runs[name][line["line_number"]] += line["count"]
    if not runs:
        sys.exit("coverage.py: nothing was counted")

    folders = collections.defaultdict(lambda: [0, 0])
    for name, lines in runs.items():
        folder = folders["/".join(name.split("/")[:2])]
        folder[0] += sum(count > 0 for count in lines.values())
        folder[1] += len(lines)
    print("| folder | lines | run | share |\n|---|---|---|---|")
    for folder, (run, all_lines) in sorted(folders.items()):
        print(f"| {folder} | {all_lines} | {run} | {100 * run / all_lines:.1f} % |")

    missing = {
        name: [line for line, count in lines.items() if count == 0]
        for name, lines in runs.items()
        if name.startswith(WATCHED)
    }
    print("\n| file | share | lines that no test runs |\n|---|---|---|")
    for name in sorted(missing, key=lambda name: -len(missing[name]))[:LEAST]:
        share = 100 * (1 - len(missing[name]) / len(runs[name]))
        print(f"| {name} | {share:.1f} % | {ranges(missing[name])} |")


main(sys.argv[1])
