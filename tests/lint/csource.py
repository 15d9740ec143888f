# SPDX-License-Identifier: Apache-2.0
"""What the checks share: finding the tree's files, and C code without its comments and texts."""

import os
import re

# One token at a time: what is no comment and no literal goes through as it is.
TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | [^/"']+ | .""",
    re.DOTALL | re.VERBOSE,
)


def blank(text):
    """Spaces of the same shape, so that lines keep their numbers."""
    return re.sub(r"[^\n]", " ", text)


def code_only(text):
    """The code: comments, strings and character constants are blanked out."""
    return "".join(
        blank(token) if token[:2] in ("//", "/*") or token[0] in "\"'" else token
        for token in TOKEN.findall(text)
    )


def without_comments(text):
    """The code with its strings, which #include needs."""
    return "".join(
        blank(token) if token[:2] in ("//", "/*") else token for token in TOKEN.findall(text)
    )


def line_comments(text):
    """Offsets of // comments."""
    return [match.start() for match in TOKEN.finditer(text) if match[0].startswith("//")]


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def files(root, folders=("",), ends=""):
    """Paths below root, sorted; never what is built or belongs to git."""
    found = []
    for folder in folders:
        for where, below, names in os.walk(os.path.join(root, folder)):
            below[:] = [name for name in below if name not in ("build", ".git", "__pycache__")]
            found += [os.path.relpath(os.path.join(where, name), root) for name in names
                      if name.endswith(ends) and name != ".git"]
    return sorted(set(found))
