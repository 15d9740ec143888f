#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The checks' own test.

Goal: a check that stopped seeing anything does not go unnoticed.
Method: a small sound tree on which each check is silent; then one planted mistake at a time, which
has to be named with its file and line, and nothing else with it.
"""

import os
import subprocess
import sys
import tempfile
import unittest

import check_includes
import check_mistakes
import check_pure

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"

SOUND = {
    "include/tally/err.h": LICENCE + "#include <stdint.h>\n",
    "registry/base/cursor.h": LICENCE + '#include "tally/err.h"\n',
    "registry/crypto/session.h": LICENCE + "#include <sodium.h>\n",
    "registry/wire/feed.c": LICENCE + '#include "base/cursor.h"\n#include <string.h>\n',
    "registry/core/match.h": LICENCE + "int tally_match(int a);\n",
    "registry/core/match.c": LICENCE + '#include "match.h"\n#include "core/match.h"\n',
    "registry/store/evidence.c": LICENCE + '#include "core/match.h"\n#include <lmdb.h>\n',
    "registry/daemon/main.c": LICENCE + '#include "core/match.h"\n#include <argp.h>\n'
                              "int main(void)\n{\n    return 0;\n}\n",
    "cdb/core/index.h": LICENCE + '#include "base/cursor.h"\n',
    "adapters/client/client.c": LICENCE + "#include <zmq.h>\n",
    "adapters/sip/parse.c": LICENCE + '#include "base/cursor.h"\n#include <sys/socket.h>\n',
    "sim/world.c": LICENCE + '#include "cdb/core/index.h"\n#include <math.h>\n',
    # Words in comments and strings are no calls, names that end alike are others.
    "registry/core/words.c": LICENCE + '/* strcpy(a, b); "malloc(1)" */\nstatic const char *const '
                             'text = "free(x) /* // "; /* it\'s */\nvoid tally_slot_free(int a);\n',
    "tests/unit/test_x.c": LICENCE + "int sleep_count(void);\n",
}

# (file, the line appended to it, what has to be said of it)
INCLUDE_MISTAKES = (
    ("registry/core/match.c", '#include "crypto/session.h"', "registry/core may include"),
    ("registry/core/match.c", "#include <time.h>", "registry/core may not name <time.h>"),
    ("registry/core/match.c", "#include <zmq.h>", "<zmq.h> only in"),
    ("registry/core/match.c", "#include <stdio.h>", "registry/core may not name <stdio.h>"),
    ("registry/core/match.c", '#include "../crypto/session.h"', "never climbs"),
    ("registry/core/match.c", '#include "core/gone.h"', "found neither"),
    ("registry/core/match.c", "#include WHERE", "names its file plainly"),
    ("registry/core/match.c", "  #  include  <stdlib.h>", "registry/core may not name <stdlib.h>"),
    ("registry/core/match.c", "/* x */ #include <stdlib.h>", "may not name <stdlib.h>"),
    ("registry/crypto/session.h", '#include "core/match.h"', "registry/crypto may include"),
    ("registry/wire/feed.c", '#include "core/match.h"', "registry/wire may include"),
    ("registry/base/cursor.h", '#include "cdb/core/index.h"', "registry/base may include"),
    ("registry/store/evidence.c", "#include <sodium.h>", "<sodium.h> only in registry/crypto"),
    ("registry/daemon/main.c", "#include <lmdb.h>", "<lmdb.h> only in registry/store"),
    ("registry/daemon/main.c", '#include "adapters/client/client.c"', "registry/daemon may incl"),
    ("registry/store/evidence.c", "#include <argp.h>", "belongs in the file that has main()"),
    ("cdb/core/index.h", "#include <stdlib.h>", "cdb/core may not name <stdlib.h>"),
    ("cdb/core/index.h", '#include "core/match.h"', "cdb/core may include"),
    ("adapters/sip/parse.c", "#include <zmq.h>", "<zmq.h> only in"),
    ("adapters/sip/parse.c", '#include "core/match.h"', "adapters/sip may include"),
    ("sim/world.c", "#include <unistd.h>", "sim may not name <unistd.h>"),
    ("include/tally/err.h", '#include "base/cursor.h"', "include/tally may include"),
)

CODE_MISTAKES = (
    ("registry/crypto/session.h", "int x = memcmp(a, b, 2);", "sodium_memcmp"),
    ("registry/daemon/main.c", "strcpy(a, b);", "strcpy"),
    ("registry/daemon/main.c", "(void)sprintf (a, b);", "sprintf"),
    ("registry/daemon/main.c", "x = y+atoi(b);", "atoi"),
    ("registry/daemon/main.c", "strcat(a, b);", "strcat"),
    ("registry/daemon/main.c", "strtok(a, b);", "strtok"),
    ("registry/daemon/main.c", "gets(a);", "gets"),
    ("registry/core/match.c", "a = malloc(1);", "does not allocate"),
    ("registry/wire/feed.c", "a = calloc(1, 1);", "does not allocate"),
    ("cdb/core/index.h", "free(a);", "does not allocate"),
    ("tests/unit/test_x.c", "usleep(1);", "fake clock"),
    ("tests/unit/test_x.c", "sleep(1);", "fake clock"),
    ("sim/world.c", "int a; // so", "comments are"),
    ("sim/world.c", "\tint a;", "a tab"),
    ("sim/world.c", "/* TO" + "DO: later */", "finish it"),
    ("sim/world.c", 'static char *a = "/home' + '/me/x";', "one machine"),
    ("sim/world.c", "/* see /work" + "/shared */", "one machine"),
)

PURE_MISTAKES = (
    ("#include <time.h>\nlong tally_x(void)\n{\n    return time(0);\n}\n", "time: a pure library"),
    ("#include <stdlib.h>\nvoid *tally_x(void)\n{\n    return malloc(3);\n}\n", "malloc: a pure"),
    ("#include <stdio.h>\nvoid tally_x(char *a)\n{\n    (void)snprintf(a, 3, \"%d\", *a);\n}\n",
     "snprintf"),
    ("int tally_x(void)\n{\n    static int count;\n    return ++count;\n}\n", "outlives the call"),
    ("int tally_base(void);\nint tally_x(void)\n{\n    return tally_base();\n}\n",
     "rand: a pure library cannot ask for this (pulled in by"),
)


def plant(root, files):
    for path, text in files.items():
        where = os.path.join(root, path)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(where, "w", encoding="utf-8") as file:
            file.write(text)


class Texts(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.root = self.place.name
        plant(self.root, SOUND)

    def named(self, check, mistakes):
        for path, line, why in mistakes:
            with self.subTest(path=path, line=line):
                plant(self.root, {path: SOUND[path] + line + "\n"})
                number = SOUND[path].count("\n") + 1
                findings = check(self.root)
                plant(self.root, {path: SOUND[path]})
                self.assertEqual(len(findings), 1, findings)
                self.assertTrue(findings[0].startswith(f"{path}:{number}: "), findings)
                self.assertIn(why, findings[0])

    def test_sound_tree(self):
        self.assertEqual(check_includes.check(self.root), [])
        self.assertEqual(check_mistakes.check(self.root), [])

    def test_includes(self):
        self.named(check_includes.check, INCLUDE_MISTAKES)

    def test_code(self):
        self.named(check_mistakes.check, CODE_MISTAKES)

    def test_unknown_folder(self):
        plant(self.root, {"registry/misc/a.c": LICENCE})
        self.assertIn("no such folder", check_includes.check(self.root)[0])

    def test_licence(self):
        plant(self.root, {"sim/world.c": "int a;\n"})
        self.assertIn("SPDX", check_mistakes.check(self.root)[0])
        plant(self.root, {"sim/world.c": SOUND["sim/world.c"], "run": "#!/bin/sh\necho\n"})
        self.assertIn("SPDX", check_mistakes.check(self.root)[0])


class Pure(unittest.TestCase):
    def archive(self, root, name, code):
        plant(root, {f"{name}.c": code})
        base = os.path.join(root, name)
        subprocess.run(["gcc", "-O2", "-fPIC", "-c", f"{base}.c", "-o", f"{base}.o"], check=True)
        subprocess.run(["ar", "rc", f"{base}.a", f"{base}.o"], check=True)
        return f"{base}.a"

    def test_pure(self):
        with tempfile.TemporaryDirectory() as root:
            base = self.archive(root, "base", "#include <stdlib.h>\nint tally_base(void)\n{\n"
                                              "    return rand();\n}\n")
            sound = self.archive(root, "sound", "#include <string.h>\nstatic int same(int a)\n{\n"
                                                "    return a;\n}\nint (*const tally_table[])(int) "
                                                "= {same};\nsize_t tally_x(const char *a)\n{\n"
                                                "    return strlen(a);\n}\n")
            self.assertEqual(check_pure.check([sound], [base]), [])
            for number, (code, why) in enumerate(PURE_MISTAKES):
                with self.subTest(code=code):
                    library = self.archive(root, f"planted{number}", code)
                    findings = check_pure.check([library], [base])
                    self.assertEqual(len(findings), 1, findings)
                    self.assertIn(why, findings[0])


if __name__ == "__main__":
    sys.exit(unittest.main())
