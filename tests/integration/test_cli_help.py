# SPDX-License-Identifier: Apache-2.0
"""Help, version, manual pages and completion tell what the commands do; kept files are those
that the command writes now."""
import filecmp
import os
import re

import cs


def output(*words):
    result = cs.run([cs.COROSCOPE, *words])
    cs.check(f"coroscope {' '.join(words)}: status 0, nothing on stderr",
             result.status == 0 and result.err == "", str(result))
    return result.out


def commands():
    return re.findall(r"^  ([a-z-]+) ", output("--help"), re.M)


def each_command_has_help(names):
    for name in names:
        text = output("help", name)
        cs.equal(f"{name} --help is help {name}", output(name, "--help"), text)
        cs.equal(f"{name} -h is help {name}", output(name, "-h"), text)
        cs.check(f"help {name}: usage", f"Usage: coroscope {name}" in text, text)
        cs.check(f"help {name}: fits 80 columns", max(map(len, text.splitlines())) <= 80, text)
        cs.check(f"help {name}: no trailing spaces", not re.search(r" $", text, re.M), text)
        for line in re.findall(r"^  (coroscope .*)$", text, re.M):
            options_of_examples_exist(name, line, text)


def options_of_examples_exist(name, line, text):
    """An example must not promise what is not there."""
    ours = line.split(" -- ")[0]
    for option in re.findall(r"(?<= )--([a-z-]+)", ours):
        plain = option.removeprefix("no-")
        cs.check(f"help {name}: the example's --{option} exists",
                 re.search(rf"--(\[no-\])?({option}|{plain})\b", text), line)


def versions_agree():
    text = output("--version")
    cs.check("--version is a name and a number", re.fullmatch(r"coroscope \d+\.\d+\.\d+\n", text),
             text)
    cs.equal("-V is --version", output("-V"), text)
    cs.equal("version is --version", output("version"), text)


def kept_files_are_up_to_date():
    folder = cs.path("docs")
    result = cs.run([os.path.join(cs.SOURCE_DIR, "docs", "man", "update.sh"), cs.COROSCOPE,
                     folder])
    cs.equal("docs/man/update.sh works", (result.status, result.err), (0, ""))
    for part in ("man", "completion"):
        kept = os.path.join(cs.SOURCE_DIR, "docs", part)
        names = sorted(os.listdir(os.path.join(folder, part)))
        there = sorted(n for n in os.listdir(kept) if n != "update.sh")
        cs.equal(f"docs/{part} holds what is written", there, names)
        for name in names:
            same = name in there and filecmp.cmp(os.path.join(folder, part, name),
                                                 os.path.join(kept, name), shallow=False)
            cs.check(f"docs/{part}/{name} is up to date", same, "run docs/man/update.sh")


def manual_pages_are_well_formed():
    groff = cs.tool("groff")
    if not groff:
        cs.without("manual pages are well formed", "groff is not installed")
        return
    folder = os.path.join(cs.SOURCE_DIR, "docs", "man")
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".1")):
        result = cs.run([groff, "-man", "-Tutf8", "-ww", os.path.join(folder, name)])
        cs.check(f"{name} is well formed", result.status == 0 and result.err == "", str(result))


def complete(*words):
    """What bash offers for the last of WORDS."""
    script = f"""
        . {cs.SOURCE_DIR}/docs/completion/coroscope.bash
        compopt() {{ :; }}
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _coroscope
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    result = cs.run(["bash", "-c", script, "bash", *words])
    cs.equal(f"completion of {words}: no complaint", result.err, "")
    return result.out.split()


def bash_completes(names):
    cs.equal("bash: commands", sorted(complete("coroscope", "")),
             sorted(names + ["--help", "--version"]))
    cs.equal("bash: a command", complete("coroscope", "hea"), ["heap"])
    cs.equal("bash: an option", complete("coroscope", "heap", "--met"), ["--metric"])
    cs.equal("bash: a value", complete("coroscope", "heap", "--metric", "peak"), ["peak_space"])
    cs.equal("bash: a value behind =", complete("coroscope", "heap", "--metric", "=", "peak"),
             ["peak_space"])
    cs.equal("bash: a value of a short option", complete("coroscope", "heap", "-b", "fun"),
             ["function"])
    cs.equal("bash: nothing for a pattern", complete("coroscope", "heap", "--focus", "f"), [])
    cs.equal("bash: a file", complete("coroscope", "heap", "/etc/hostn"), ["/etc/hostname"])
    cs.equal("bash: a file behind an optional argument's option",
             complete("coroscope", "diff", "--fail-on-growth", "/etc/hostn"), ["/etc/hostname"])


def main():
    names = commands()
    cs.check("there are commands", len(names) >= 9, str(names))
    each_command_has_help(names)
    versions_agree()
    kept_files_are_up_to_date()
    manual_pages_are_well_formed()
    bash_completes(names)
    zsh = cs.tool("zsh")
    if zsh:
        result = cs.run([zsh, "-n", f"{cs.SOURCE_DIR}/docs/completion/_coroscope"])
        cs.equal("zsh reads its completion", (result.status, result.err), (0, ""))
    else:
        cs.without("zsh reads its completion", "zsh is not installed")


main()
cs.finish()
